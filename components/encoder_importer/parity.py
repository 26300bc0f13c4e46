"""Holds an imported model, layer by layer, against its source's tensors as its source would compute them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from ulmfit_tfx.components.encoder_importer.language_model_weights import LanguageModelWeights
from ulmfit_tfx.components.encoder_importer.source_tensor import SourceTensor
from ulmfit_tfx.schemas.errors import UserError
from ulmfit_tfx.trainer_modules.models.language_model import HEAD
from ulmfit_tfx.trainer_modules.serving.encoder_folder import EncoderRecord

LARGEST_DIFFERENCE = 1e-4
"""Above it, times the largest output where that is above 1, an import is wrong: float32 is ten times nearer."""

_PROBE = (2, 24)


@dataclasses.dataclass(frozen=True)
class LayerParity:
    """One layer of an import.

    Attributes:
        layer: Its name in our model, or `encoder`: the whole of it, from ids to hidden states.
        source: Tensors of the source by name, with their shapes.
        target: Our weights by name, with their shapes.
        difference: Largest absolute difference of the layer's output on the probe batch. Every layer gets what the
            source's layers before it give, in float64.
        allowed: Above it the import is wrong.
    """

    layer: str
    source: dict[str, tuple[int, ...]]
    target: dict[str, tuple[int, ...]]
    difference: float
    allowed: float


def check_parity(
    weights: LanguageModelWeights, encoder: keras.Model, model: keras.Model, record: EncoderRecord
) -> list[LayerParity]:
    """Runs a probe batch of random pieces through both.

    Args:
        weights: The source.
        encoder: With the imported weights.
        model: The language model around it, or the encoder again where there is no head.
        record: What the encoder is.

    Returns:
        A row for the embeddings, for each recurrent layer, for the encoder as a whole and for the head.

    Raises:
        UserError: A layer differs by more than `LARGEST_DIFFERENCE` allows.
    """
    ids = np.random.default_rng(0).integers(0, weights.vocab_size - 1, _PROBE)
    ids += ids >= record.pad_id  # any piece but padding
    reading = slice(None, None, -1 if record.encoder.direction == "backward" else 1)
    embedding = encoder.get_layer("embedding")
    states = weights.embeddings.array[ids[:, reading]].astype("float64")
    rows = [_row(embedding, [weights.embeddings], embedding(ids[:, reading]), states)]
    for index, source in enumerate(weights.layers):
        layer = encoder.get_layer(f"{weights.architecture}_{index}")
        ours, *_ = layer(states.astype("float32"))  # and its last states
        states = source.forward(states)
        rows.append(_row(layer, source.source_tensors, ours, states))
    rows.append(dataclasses.replace(_row(encoder, [], encoder(ids)[0], states[:, reading]), target={}))
    if weights.has_head:
        rows.append(_head_row(weights, embedding, model.get_layer(HEAD), states))
    for row in rows:
        if not row.difference <= row.allowed:
            raise UserError(
                f"{weights.embeddings.file}: {row.layer} differs by {row.difference:.1e} from what its source computes "
                f"(allowed: {row.allowed:.1e}). Nothing was written. Please report it with the file."
            )
    return rows


def _head_row(
    weights: LanguageModelWeights, embedding: keras.Layer, head: keras.Layer, states: np.ndarray
) -> LayerParity:
    kernel = weights.head_kernel or weights.embeddings
    expected = states @ kernel.float64.T + (weights.head_bias.float64 if weights.head_bias else 0.0)
    inputs = states.astype("float32")
    ours = head(inputs if weights.head_kernel else embedding(inputs, reverse=True))
    tensors = [tensor for tensor in (weights.head_kernel, weights.head_bias) if tensor is not None]
    return _row(head, tensors, ours, expected)


def _row(layer: keras.Layer, source: Sequence[SourceTensor], ours: Any, expected: np.ndarray) -> LayerParity:
    return LayerParity(
        layer=layer.name,
        source={tensor.name: tensor.shape for tensor in source},
        target={weight.path.split("/")[-1]: tuple(weight.shape) for weight in layer.weights},
        difference=float(np.max(np.abs(keras.ops.convert_to_numpy(ours) - expected))),
        allowed=LARGEST_DIFFERENCE * max(1.0, float(np.max(np.abs(expected)))),
    )
