"""The sequence tagger: encoders, word features, a layer that reads both in both directions, tags of pieces."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.head import HeadConfig
from ulmfit_tfx.schemas.feature_names import WORD_FEATURES
from ulmfit_tfx.tasks.tagging.section import TaggingConfig, WordFeaturesConfig
from ulmfit_tfx.trainer_modules.layers.awd_lstm import AWDLSTM
from ulmfit_tfx.trainer_modules.layers.bidirectional import Bidirectional
from ulmfit_tfx.trainer_modules.layers.crf import ConditionalRandomField
from ulmfit_tfx.trainer_modules.layers.hash_embedding import HashEmbedding
from ulmfit_tfx.trainer_modules.layers.qrnn import QRNN
from ulmfit_tfx.trainer_modules.models.encoder import layer_seeds

CONTEXT_WINDOW = 2


@dataclasses.dataclass(frozen=True)
class Tagger:
    """A tagger and its parts.

    Attributes:
        model: From ids, int32 [batch, time], to emissions, float32 [batch, time, tags]. With word features from ids and
            these, int32 [batch, time, features], negative where there is no word.
        head: The part above the encoders.
        crf: Its last layer where it is a CRF.
    """

    model: keras.Model
    head: keras.Model
    crf: ConditionalRandomField | None

    def emissions(self, *inputs: Any) -> Any:
        """What the model says of ids, and of word features where it reads them."""
        return self.model(inputs if len(inputs) > 1 else inputs[0], training=False)


def build_tagger(
    encoders: Sequence[keras.Model],
    encoder_config: EncoderConfig,
    head: HeadConfig,
    tagging: TaggingConfig,
    tags: int,
    seed: int | None = None,
) -> Tagger:
    """Puts a tagging head on encoders of the same ids.

    Args:
        encoders: As `build_encoder` makes them, with names of their own; each gives hidden states in the order of the
            text.
        encoder_config: Its architecture is that of the context layer.
        head: Its dropouts: before the context layer and before the last one.
        tagging: Units of the context layer, whether the last layer is a CRF, and embeddings of word features, if any.
        tags: Number of tags.
        seed: Of dropouts.
    """
    seeds = layer_seeds(None if seed is None else seed + sum(len(encoder.layers) for encoder in encoders))
    size = sum(encoder.outputs[0].shape[-1] for encoder in encoders)
    hidden, mask = keras.Input((None, size), name="hidden"), keras.Input((None,), dtype="bool", name="mask")
    of_words = _word_inputs(tagging)
    joined = [hidden]
    if tagging.word_features is not None:
        joined.append(_word_vectors(of_words[0], tagging.word_features))
    inner = _dropout(_joined(joined), head.dropout[0], next(seeds), "dropout_0")
    if tagging.context_layer is not None:
        layer = _context_layer(encoder_config, tagging.context_layer, next(seeds))
        inner = layer(inner, mask=mask)
        inner = _dropout(inner, head.dropout[1], next(seeds), "dropout_1")
    emissions = keras.layers.Dense(tags, name="emissions")(inner)
    crf = None
    if tagging.decoder == "crf":
        crf = ConditionalRandomField(name="crf")
        emissions = crf(emissions)
    else:
        emissions = keras.layers.Activation("linear", name="logits", dtype="float32")(emissions)
    head_model = keras.Model([hidden, mask, *of_words], emissions, name="tagging_head")

    ids = keras.Input((None,), dtype="int32", name="numericalized")
    of_words = _word_inputs(tagging)
    encoded = [encoder(ids) for encoder in encoders]
    emissions = head_model([_joined([output for output, _ in encoded]), encoded[0][1], *of_words])
    model = keras.Model((ids, *of_words) if of_words else ids, emissions, name="tagger")  # a tuple, as rows have it
    return Tagger(model, head_model, crf)


def _word_inputs(tagging: TaggingConfig) -> list[Any]:
    """The input of word features, int32 [batch, time, features], where there is one."""
    if tagging.word_features is None:
        return []
    return [keras.Input((None, len(WORD_FEATURES)), dtype="int32", name="word_features")]


def _word_vectors(hashes: Any, config: WordFeaturesConfig) -> Any:
    """Vectors, float [batch, time, features * size], of hashes, int32 [batch, time, features]."""
    rows = dict.fromkeys(WORD_FEATURES, config.rows) | {"form": 2 * config.rows}
    layers = [HashEmbedding(rows[name], config.size, name=name) for name in WORD_FEATURES]
    return _joined([layer(hashes[..., index]) for index, layer in enumerate(layers)])


def _joined(outputs: Sequence[Any]) -> Any:
    return ops.concatenate(outputs, axis=-1) if len(outputs) > 1 else outputs[0]


def _context_layer(config: EncoderConfig, units: int, seed: int | None) -> keras.layers.Layer:
    layer: keras.layers.Layer
    if config.architecture == "awd_lstm":
        layer = AWDLSTM(units, return_sequences=True, seed=seed, name="context_layer")
    else:
        layer = QRNN(units, window=CONTEXT_WINDOW, return_sequences=True, seed=seed, name="context_layer")
    return Bidirectional(layer, name="context")


def _dropout(features: Any, rate: float, seed: int | None, name: str) -> Any:
    """One mask for all steps."""
    return keras.layers.SpatialDropout1D(rate, seed=seed, name=name)(features)
