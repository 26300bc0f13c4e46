"""Reads the SavedModels that ulmfit-tfx itself wrote."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from ulmfit_tfx.components.encoder_importer.language_model_weights import LanguageModelWeights
from ulmfit_tfx.components.encoder_importer.source_layers import KerasLSTM, KerasQRNN, SourceLayer
from ulmfit_tfx.components.encoder_importer.source_tensor import SourceTensor
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.trainer_modules.serving.saved_model import ExportedModel
from ulmfit_tfx.trainer_modules.serving.signature_names import MODEL_INFO_FILE

_EMBEDDINGS = "embedding/embeddings"
_HEAD_BIAS, _HEAD_KERNEL = "lm_head/bias", "lm_head/kernel"


def is_own_saved_model(folder: Path) -> bool:
    """Whether a SavedModel is ours, by its information file."""
    return (folder / MODEL_INFO_FILE).is_file()


def own_weights(folder: Path, exported: ExportedModel) -> LanguageModelWeights:
    """The language model's weights among those of a SavedModel of ours.

    Raises:
        DataError: They are not those of the encoder that the model says it has.
    """
    weights = _weights(str(folder), exported.encoder, exported.weights)
    for index, layer in enumerate(weights.layers):
        if layer.architecture == "qrnn" and layer.window != exported.encoder.window(index):
            raise layer.error(f"has a window of {layer.window}, expected {exported.encoder.window(index)}")
    return weights


def _weights(file: str, config: EncoderConfig, arrays: Mapping[str, np.ndarray]) -> LanguageModelWeights:
    def tensor(name: str) -> SourceTensor:
        if name not in arrays:
            raise DataError(f"{file}: {name} is missing.")
        return SourceTensor(file, name, arrays[name])

    layers: list[SourceLayer] = []
    features = config.embedding_size
    for index, units in enumerate(config.hidden_sizes):
        layers.append(_layer(config, index, features, tensor))
        features = units
    kernel = tensor(_HEAD_KERNEL) if _HEAD_KERNEL in arrays else None
    bias = tensor(_HEAD_BIAS) if _HEAD_BIAS in arrays else None
    return LanguageModelWeights(
        source_format="ulmfit-tfx",
        embeddings=tensor(_EMBEDDINGS),
        layers=tuple(layers),
        has_head=bias is not None,
        head_bias=bias,
        head_kernel=kernel and SourceTensor(file, kernel.name, kernel.array.T),
        ignored=tuple(sorted(name for name in arrays if name.split("/")[0] not in _imported(config))),
    )


def _layer(
    config: EncoderConfig, index: int, features: int, tensor: Callable[[str], SourceTensor]
) -> KerasLSTM | KerasQRNN:
    if config.architecture == "awd_lstm":
        cell = f"awd_lstm_{index}/lstm_cell"
        return KerasLSTM(tensor(f"{cell}/kernel"), tensor(f"{cell}/recurrent_kernel"), tensor(f"{cell}/bias"))
    cell = f"qrnn_{index}/qrnn_cell"
    return KerasQRNN(
        tensor(f"{cell}/kernel"),
        tensor(f"{cell}/bias"),
        features,
        config.qrnn_pooling,
        config.forget_convention,
    )


def _imported(config: EncoderConfig) -> set[str]:
    """First parts of the names of weights that belong to the language model; a task head's do not."""
    layers = {f"{config.architecture}_{index}" for index in range(len(config.hidden_sizes))}
    return layers | {"embedding", "lm_head"}
