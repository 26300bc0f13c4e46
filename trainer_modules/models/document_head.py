"""What models of whole texts have in common: encoder, concat pooling and fastai's two-layer head.

Pooling over embeddings beside states: Shen et al. 2018, Baseline Needs More Love, https://arxiv.org/abs/1805.09843.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from ulmfit_tfx.schemas.config.head import HeadConfig
from ulmfit_tfx.trainer_modules.layers.pair_split import PairSplit
from ulmfit_tfx.trainer_modules.layers.pooling import ConcatPooling
from ulmfit_tfx.trainer_modules.models.document_encoder import DocumentEncoder
from ulmfit_tfx.trainer_modules.models.encoder import layer_seeds

# PyTorch's momentum of 0.1 is the weight of the new batch, Keras' the weight of what was there.
BATCH_NORM_MOMENTUM = 0.9
BATCH_NORM_EPSILON = 1e-5


def document_head(
    encoder: keras.Model,
    config: HeadConfig,
    outputs: int,
    seed: int | None = None,
    *,
    bos_id: int | None = None,
    last_kernel: str = "glorot_uniform",
    reads_backward: bool = False,
    chunk_pieces: int | None = None,
    gradient_pieces: int | None = None,
) -> tuple[Any, Any]:
    """Puts a head on an encoder.

    Args:
        encoder: As `build_encoder` makes it.
        config: Sizes and dropouts of the head, over how many tokens it pools, and whether it compares two texts.
        outputs: Numbers a text.
        seed: Of dropouts.
        bos_id: Of `<s>`, where the second text of a pair begins.
        last_kernel: Keras' name of the initializer of the last layer.
        reads_backward: The encoder is a backward one: the last tokens that it reads are a text's first.
        chunk_pieces: See `DocumentEncoder`. None: texts are read whole.
        gradient_pieces: See `DocumentEncoder`.

    Returns:
        Ids, int32 [batch, time], and what the last layer makes of them, float [batch, outputs], as Keras tensors.

    Raises:
        ValueError: `gradient_pieces` without `chunk_pieces`, or pairs without `bos_id`.
    """
    if gradient_pieces is not None and chunk_pieces is None:
        raise ValueError("gradient_pieces is set and chunk_pieces is not: gradients are cut between chunks")
    seeds = layer_seeds(None if seed is None else seed + len(encoder.layers))
    ids = keras.Input((None,), dtype="int32", name="numericalized")
    pooled = _pooling(encoder, config, reads_backward, chunk_pieces, gradient_pieces)
    return ids, _head(_features(ids, encoder, pooled, config, bos_id), config, outputs, seeds, last_kernel)


def frozen_features(
    encoder: keras.Model,
    config: HeadConfig,
    *,
    bos_id: int | None = None,
    reads_backward: bool = False,
    chunk_pieces: int | None = None,
) -> keras.Model:
    """A model from ids, int32 [batch, time], to what is pooled of a text, float [batch, features].

    Of hidden states there are 3 * units, of embeddings, where they are pooled, their size; of a pair four times that.

    A linear model can be fitted on them. Arguments are those of `document_head`.

    Raises:
        ValueError: Pairs without `bos_id`.
    """
    ids = keras.Input((None,), dtype="int32", name="numericalized")
    pooled = _pooling(encoder, config, reads_backward, chunk_pieces, None)
    return keras.Model(ids, _features(ids, encoder, pooled, config, bos_id), name="features")


def linear_head(features: keras.Model, weights: np.ndarray, bias: np.ndarray, name: str) -> keras.Model:
    """Puts a linear model on `frozen_features`.

    Args:
        features: From ids to features.
        weights: float [features, outputs].
        bias: float [outputs].
        name: Of the model.
    """
    logits = keras.layers.Dense(len(bias), name="logits")
    model = keras.Model(features.inputs, logits(features.outputs[0]), name=name)
    logits.set_weights([weights, bias])
    return model


def _features(
    ids: Any, encoder: keras.Model, pooled: Callable[[Any], Any], config: HeadConfig, bos_id: int | None
) -> Any:
    """What is pooled of texts, or of pairs those of both texts, their absolute difference and their product."""
    if not config.pairs:
        return pooled(ids)
    if bos_id is None:
        raise ValueError("pairs are compared and bos_id is not set: it is where the second text begins")
    first, second = map(pooled, PairSplit(bos_id, encoder.get_layer("mask").pad_id, name="pair_split")(ids))
    return ops.concatenate([first, second, ops.abs(first - second), first * second], axis=-1)


def _pooling(
    encoder: keras.Model,
    config: HeadConfig,
    reads_backward: bool,
    chunk_pieces: int | None,
    gradient_pieces: int | None,
) -> Callable[[Any], Any]:
    """From ids to what is pooled of them, as Keras tensors."""
    pools_embeddings = chunk_pieces is None if config.pool_embeddings is None else config.pool_embeddings
    if chunk_pieces is None:
        reader = encoder
        pooling = ConcatPooling(config.pooled_pieces, reads_backward, name="pooling")
    else:
        reader = DocumentEncoder(
            encoder, chunk_pieces, config.pooled_pieces, gradient_pieces, reads_backward, name=encoder.name
        )
        pooling = ConcatPooling(name="pooling")  # over all that comes back, which is in the order of reading
    embedding, has_token = encoder.get_layer("embedding"), encoder.get_layer("mask")

    def pooled(texts: Any) -> Any:
        hidden, mask = reader(texts)
        states = pooling(hidden, mask=mask)
        if not pools_embeddings:
            return states
        of_pieces = pooling(embedding(texts), mask=has_token(texts))
        mean = of_pieces[
            :, 2 * embedding.size :
        ]  # alone: largest numbers of a short text are unlike those of a long one
        return ops.concatenate([states, mean], axis=-1)

    return pooled


def _head(features: Any, config: HeadConfig, outputs: int, seeds: Any, last_kernel: str) -> Any:
    """Last layer's output, float [batch, outputs], of pooled features, float [batch, features]."""
    for index, (units, rate) in enumerate(zip((config.hidden_size, outputs), config.dropout, strict=True)):
        if config.batch_norm:
            features = keras.layers.BatchNormalization(
                momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON, name=f"batch_norm_{index}"
            )(features)
        features = keras.layers.Dropout(rate, seed=next(seeds), name=f"dropout_{index}")(features)
        layer = (
            keras.layers.Dense(units, activation="relu", name="hidden")
            if index == 0
            else keras.layers.Dense(units, kernel_initializer=last_kernel, name="logits")
        )
        features = layer(features)
    return features
