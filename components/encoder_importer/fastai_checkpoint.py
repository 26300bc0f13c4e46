"""Reads language models of fastai (2.x, 1.x, 0.7) and of Salesforce's awd-lstm-lm and pytorch-qrnn.

The names of the tensors, behind the prefixes of what wraps the model (`module.` of DataParallel, `0.` and `1.` of
fastai's SequentialRNN, `0.module.` of its text classifier):

    encoder.weight                                          embeddings [vocab, size]
    encoder_dp.emb.weight                                   the same again; encoder_with_dropout.embed.weight in 0.7
    rnns.{i}[.module].{weight,bias}_{ih,hh}_l0[_raw]        LSTM
    rnns.{i}[.layers.0].linear[.module].{weight,bias}[_raw] QRNN
    decoder.{weight,bias}                                   head of a language model; no bias in 0.7
    1.layers.*                                              head of a text classifier

`X_raw` is the weight that DropConnect masks; an `X` beside it is what its last mask left of it.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ulmfit_tfx.components.encoder_importer.language_model_weights import LanguageModelWeights
from ulmfit_tfx.components.encoder_importer.layer_assembly import LayerSlot, assemble_layers, unknown_tensors
from ulmfit_tfx.components.encoder_importer.pickle_reader import shown
from ulmfit_tfx.components.encoder_importer.source_layers import TorchLSTM, TorchQRNN
from ulmfit_tfx.components.encoder_importer.source_tensor import SourceTensor
from ulmfit_tfx.components.encoder_importer.torch_file import read_torch_file
from ulmfit_tfx.schemas.errors import DataError

_Place = LayerSlot | str
_EMBEDDINGS, _EMBEDDINGS_AGAIN = "embeddings", "embeddings again"
_HEAD_KERNEL, _HEAD_BIAS, _CLASSIFIER = "head kernel", "head bias", "classifier"

_ENCODER = r"(?:module\.)*(?:0\.(?:module\.)*)?"
_PLACES = {
    rf"{_ENCODER}encoder\.weight": _EMBEDDINGS,
    rf"{_ENCODER}(?:encoder_dp\.emb|encoder_with_dropout\.embed)\.weight": _EMBEDDINGS_AGAIN,
    r"(?:module\.)*(?:1\.)?decoder\.weight": _HEAD_KERNEL,
    r"(?:module\.)*(?:1\.)?decoder\.bias": _HEAD_BIAS,
    r"(?:module\.)*1\.layers\..+": _CLASSIFIER,
}
_LSTM_TENSOR = rf"{_ENCODER}rnns\.([0-9]{{1,3}})\.(?:module\.)*((?:weight|bias)_(?:ih|hh))_l0(?:_raw)?"
_QRNN_TENSOR = rf"{_ENCODER}rnns\.([0-9]{{1,3}})\.(?:layers\.0\.)?linear\.(?:module\.)*(weight|bias)(?:_raw)?"
_BACKWARD = re.compile(r"_l[0-9]+_reverse|layers_bwd")
_INNER_LAYER = re.compile(rf"{_ENCODER}rnns\.[0-9]+\.(?:.*_l[1-9][0-9]*(?:_raw)?$|layers\.[1-9])")


def read_fastai(path: str | Path) -> LanguageModelWeights:
    """Reads a language model, an encoder or the encoder of a text classifier.

    Args:
        path: What `learner.save`, `save_encoder` or `torch.save(model.state_dict(), ...)` wrote: `{'model': ...,
            'opt': ...}` or a bare state dict, of the whole model or of the encoder.

    Raises:
        DataError: It is no such file, or it does not hold exactly one forward AWD-LSTM or QRNN encoder.
    """
    file = str(path)
    state_dict = _state_dict(read_torch_file(path), file)
    names, ignored = _sort_out(state_dict, file)
    tensors = {place: SourceTensor(file, name, state_dict[name]) for place, name in names.items()}
    if _EMBEDDINGS not in tensors:
        raise DataError(f"{file}: has no embeddings: 0.encoder.weight (or encoder.weight) is missing.")
    embeddings, again = tensors[_EMBEDDINGS], tensors.get(_EMBEDDINGS_AGAIN)
    embeddings.check_rank(2)
    if again is not None:
        again.check_shape(embeddings.shape, f"it repeats {embeddings.name}")
        ignored.append(again.name)
    slots = {place: tensor for place, tensor in tensors.items() if isinstance(place, LayerSlot)}
    head_kernel, head_bias = _head(tensors)
    weights = LanguageModelWeights(
        source_format="fastai",
        embeddings=embeddings,
        layers=assemble_layers(file, slots, embeddings.shape[1], _expected_name),
        has_head=_HEAD_KERNEL in tensors,
        head_bias=head_bias,
        head_kernel=head_kernel,
        ignored=tuple(sorted(ignored)),
    )
    _check_gates(weights)
    return weights


def _state_dict(content: Any, file: str) -> dict[str, np.ndarray]:
    if isinstance(content, dict) and isinstance(content.get("model"), dict):
        content = content["model"]
    if not isinstance(content, dict) or not content:
        raise DataError(f"{file}: holds no state dict and no {{'model': state dict}}, but a {type(content).__name__}.")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, np.ndarray):
            raise DataError(f"{file}: {shown(str(name))} is a {type(value).__name__}, expected a tensor.")
    return content


def _sort_out(names: Iterable[str], file: str) -> tuple[dict[_Place, str], list[str]]:
    """The name at each place, and the names that are known and not imported."""
    candidates: dict[_Place, list[str]] = {}
    ignored, unknown = [], []
    for name in names:
        _check_supported(name, file)
        place = _place(name)
        if place is None:
            unknown.append(name)
        elif place == _CLASSIFIER:
            ignored.append(name)
        else:
            candidates.setdefault(place, []).append(name)
    if unknown:
        raise unknown_tensors(file, unknown)
    found = {}
    for place, same in candidates.items():
        chosen = [name for name in same if name.endswith("_raw")] or same
        if len(chosen) > 1:
            raise DataError(f"{file}: {' and '.join(chosen)} are the same tensor of the model. Which one counts?")
        found[place] = chosen[0]
        ignored.extend(name for name in same if name != chosen[0])
    return found, ignored


def _place(name: str) -> _Place | None:
    for pattern, place in _PLACES.items():
        if re.fullmatch(pattern, name):
            return place
    if match := re.fullmatch(_LSTM_TENSOR, name):
        return LayerSlot(int(match[1]), TorchLSTM, match[2])
    if match := re.fullmatch(_QRNN_TENSOR, name):
        return LayerSlot(int(match[1]), TorchQRNN, match[2])
    return None


def _check_supported(name: str, file: str) -> None:
    if _BACKWARD.search(name):
        raise DataError(
            f"{file}: {shown(name)}: bidirectional encoders are not supported; "
            "forward and backward models are imported one by one."
        )
    if _INNER_LAYER.match(name):
        raise DataError(
            f"{file}: {shown(name)}: several layers in one module are not supported; an encoder of fastai has one "
            "layer a module (rnns.0, rnns.1, ...)."
        )


def _expected_name(slot: LayerSlot) -> str:
    if slot.cell is TorchQRNN:
        return f"0.rnns.{slot.number}.layers.0.linear.{'weight_raw' if slot.field == 'weight' else 'module.bias'}"
    return f"0.rnns.{slot.number}." + ("weight_hh_l0_raw" if slot.field == "weight_hh" else f"module.{slot.field}_l0")


def _head(tensors: Mapping[_Place, SourceTensor]) -> tuple[SourceTensor | None, SourceTensor | None]:
    """Weights of the head, None where they are the embeddings, and its bias."""
    kernel, bias = tensors.get(_HEAD_KERNEL), tensors.get(_HEAD_BIAS)
    if kernel is None and bias is not None:
        raise bias.error("is the bias of a head, and its decoder.weight is missing")
    is_tied = kernel is not None and np.array_equal(kernel.array, tensors[_EMBEDDINGS].array)
    return None if is_tied else kernel, bias


def _check_gates(weights: LanguageModelWeights) -> None:
    """In an encoder alone nothing comes after the last layer that would tell its units from other numbers of gates.

    Both fastai's and Salesforce's encoders end in the embeddings' size, or a head follows.
    """
    last, size = weights.layers[-1], weights.embedding_size
    if isinstance(last, TorchQRNN) and not weights.has_head and last.units != size:
        gates, rest = divmod(last.weight.shape[0], size)
        if gates in (2, 4) and not rest:
            raise last.weight.error(
                f"is {list(last.weight.shape)}: {gates} gates of {size} units? "
                "Only QRNNs with 3 gates (fo-pooling) can be imported"
            )
