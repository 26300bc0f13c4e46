"""The recurrent encoder of ULMFiT (AWD-LSTM) and MultiFiT (QRNN)."""

import itertools
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.trainer_modules.layers.awd_lstm import AWDLSTM
from ulmfit_tfx.trainer_modules.layers.embedding import TokenEmbedding
from ulmfit_tfx.trainer_modules.layers.qrnn import QRNN


@keras.saving.register_keras_serializable("ulmfit_tfx")
class PaddingMask(keras.layers.Layer):
    """True where ids, int [batch, time], are not padding: bool [batch, time]."""

    def __init__(self, pad_id: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.pad_id = pad_id

    def call(self, ids):
        """Compares with the padding id."""
        return ops.not_equal(ids, self.pad_id)

    def get_config(self):
        """Constructor arguments."""
        return super().get_config() | {"pad_id": self.pad_id}


def build_encoder(
    config: EncoderConfig, vocab_size: int, pad_id: int, seed: int | None = None, name: str = "encoder"
) -> keras.Model:
    """Builds the encoder with fresh weights.

    Args:
        config: Cell, sizes, direction and dropouts.
        vocab_size: Number of token ids.
        pad_id: Id of padding, which is masked.
        seed: Of dropouts, a different one for each layer; the weights follow Keras' global seed.
        name: Of the model.

    Returns:
        A model from ids, int32 [batch, time], to `[hidden, mask]`: float [batch, time, last layer's units], zero at
        padding, and bool [batch, time].
    """
    dropout = config.dropout
    seeds = layer_seeds(seed)
    ids = keras.Input((None,), dtype="int32", name="numericalized")
    mask = PaddingMask(pad_id, name="mask")(ids)
    is_backward = config.direction == "backward"
    tokens, is_token = (ops.flip(ids, axis=1), ops.flip(mask, axis=1)) if is_backward else (ids, mask)
    hidden = TokenEmbedding(vocab_size, config.embedding_size, dropout.embedding, seed=next(seeds), name="embedding")(
        tokens
    )
    hidden = keras.layers.SpatialDropout1D(dropout.input, seed=next(seeds), name="input_dropout")(hidden)
    last = len(config.hidden_sizes) - 1
    for index in range(len(config.hidden_sizes)):
        hidden, *_ = _recurrent_layer(config, index, next(seeds))(hidden, mask=is_token)
        rate = dropout.output if index == last else dropout.hidden
        hidden = keras.layers.SpatialDropout1D(rate, seed=next(seeds), name=f"hidden_dropout_{index}")(hidden)
    if is_backward:
        hidden = ops.flip(hidden, axis=1)
    return keras.Model(ids, [hidden, mask], name=name)


def layer_seeds(seed: int | None) -> Iterator[int | None]:
    """Seeds for layer after layer: layers of the same seed would drop the same units."""
    return itertools.repeat(None) if seed is None else itertools.count(seed)


def _recurrent_layer(config: EncoderConfig, index: int, seed: int | None) -> keras.layers.Layer:
    units, name = config.hidden_sizes[index], f"{config.architecture}_{index}"
    if config.architecture == "awd_lstm":
        return AWDLSTM(units, config.dropout.weight, return_sequences=True, return_state=True, seed=seed, name=name)
    return QRNN(
        units,
        window=config.window(index),
        pooling=config.qrnn_pooling,
        forget_convention=config.forget_convention,
        zoneout=config.zoneout,
        weight_dropout=config.dropout.weight,
        return_sequences=True,
        return_state=True,  # for `stateful_encoder`
        seed=seed,
        name=name,
    )
