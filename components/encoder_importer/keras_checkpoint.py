"""Reads language models of the old Keras package, from its TensorFlow checkpoints and its SavedModels.

Only variables are read. A SavedModel's graph comes from outside and is never loaded. The keys, without their suffix
`/.ATTRIBUTES/VARIABLE_VALUE`:

    checkpoint                                                    SavedModel
    layer_with_weights-0/embeddings                               encoder_num/layer_with_weights-0/embeddings
    layer_with_weights-{i}/cell/{kernel,recurrent_kernel,bias}    encoder_num/variables/{k}, k from 1 in this order
    layer_with_weights-{i}/cell/fused_gate_{weights,biases}       encoder_num/variables/{k}, k from 1 in this order
    layer_with_weights-{n+1}/layer/tied_bias                      lm_head_biases
    layer_with_weights-{n+1}/{kernel,bias}, an untied head        lm_head_biases; the kernel is not in the file

The layers are counted from 1 there. Old TensorFlow wrote `variables` or `trainable_variables` as it happened. A
fine-tuned model's checkpoint has the layers of its task head from n+1 on.
"""

import contextlib
import dataclasses
import glob
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ulmfit_tfx.components.encoder_importer.file_kinds import is_git_lfs_pointer, looks_like
from ulmfit_tfx.components.encoder_importer.language_model_weights import LanguageModelWeights
from ulmfit_tfx.components.encoder_importer.layer_assembly import LayerSlot, assemble_layers, unknown_tensors
from ulmfit_tfx.components.encoder_importer.pickle_reader import shown
from ulmfit_tfx.components.encoder_importer.source_layers import KerasLSTM, KerasQRNN, SourceLayer
from ulmfit_tfx.components.encoder_importer.source_tensor import SourceTensor
from ulmfit_tfx.schemas.errors import DataError

_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_EMBEDDINGS = "layer_with_weights-0/embeddings"
_TIED_BIAS = re.compile(r"layer_with_weights-[0-9]+/layer/tied_bias")
_LSTM_TENSOR = re.compile(r"layer_with_weights-([1-9][0-9]{0,2})/cell/(kernel|recurrent_kernel|bias)")
_QRNN_TENSOR = re.compile(r"layer_with_weights-([1-9][0-9]{0,2})/cell/(fused_gate_weights|fused_gate_biases)")
_HEAD_TENSOR = re.compile(
    r"layer_with_weights-[0-9]+/(?:layer/)?(?:kernel|bias|gamma|beta|moving_mean|moving_variance)"
)
_NOT_OF_THE_MODEL = re.compile(r"save_counter|(?:optimizer|keras_api)/.+|.+/\.OPTIMIZER_SLOT/.+")

_ENCODER = "encoder_num/"
_SAVED_MODEL_VARIABLE = re.compile(r"encoder_num/(?:trainable_)?variables/([0-9]{1,4})")
_LM_HEAD_BIASES = "lm_head_biases"
_FIELDS_BY_COUNT: dict[int, tuple[type[SourceLayer], tuple[str, ...]]] = {
    2: (KerasQRNN, ("fused_gate_weights", "fused_gate_biases")),
    3: (KerasLSTM, ("kernel", "recurrent_kernel", "bias")),
}


def read_keras_checkpoint(path: str | Path) -> LanguageModelWeights:
    """Reads a checkpoint that the old package's `model.save_weights` wrote.

    Args:
        path: Its prefix, its `.index` file, or a folder that holds one checkpoint.

    Raises:
        DataError: There is no such checkpoint, it is damaged, or it does not hold exactly one encoder.
    """
    variables = _Variables(_checkpoint_prefix(Path(path)))
    slots: dict[LayerSlot, str] = {}
    head_tensors, ignored, unknown = [], [], []
    tied_bias = None
    for name in variables.names:
        if match := _LSTM_TENSOR.fullmatch(name):
            slots[LayerSlot(int(match[1]) - 1, KerasLSTM, match[2])] = name
        elif match := _QRNN_TENSOR.fullmatch(name):
            slots[LayerSlot(int(match[1]) - 1, KerasQRNN, match[2])] = name
        elif _TIED_BIAS.fullmatch(name):
            tied_bias = variables.tensor(name)
        elif _HEAD_TENSOR.fullmatch(name):
            head_tensors.append(name)
        elif _NOT_OF_THE_MODEL.fullmatch(name):
            ignored.append(name)
        elif name != _EMBEDDINGS:
            unknown.append(name)
    if unknown:
        raise unknown_tensors(variables.file, unknown)
    embeddings = variables.embeddings(_EMBEDDINGS)
    layers = assemble_layers(variables.file, variables.in_slots(slots), embeddings.shape[1], _expected_name)
    kernel, bias = _untied_head(variables, head_tensors, layers)
    return LanguageModelWeights(
        source_format="keras",
        embeddings=embeddings,
        layers=layers,
        has_head=tied_bias is not None or kernel is not None,
        head_bias=bias if tied_bias is None else tied_bias,
        head_kernel=kernel,
        ignored=tuple(sorted(ignored if kernel is not None else ignored + head_tensors)),
    )


def read_saved_model_variables(path: str | Path) -> LanguageModelWeights:
    """Reads the variables of a SavedModel that the old package exported. Its graph is not loaded.

    Args:
        path: The SavedModel's folder.

    Raises:
        DataError: It is no SavedModel, it is damaged, or it does not hold exactly one encoder.
    """
    if not (Path(path) / "saved_model.pb").is_file():
        raise DataError(f"{path}: has no saved_model.pb, so it is not a SavedModel.")
    variables = _Variables(_checkpoint_prefix(Path(path) / "variables"))
    numbered: dict[int, str] = {}
    ignored, unknown = [], []
    for name in variables.names:
        if (match := _SAVED_MODEL_VARIABLE.fullmatch(name)) and int(match[1]) not in numbered:
            numbered[int(match[1])] = name
        elif _NOT_OF_THE_MODEL.fullmatch(name):
            ignored.append(name)
        elif name not in (_ENCODER + _EMBEDDINGS, _LM_HEAD_BIASES):
            unknown.append(name)
    if unknown:
        raise unknown_tensors(variables.file, unknown)
    embeddings = variables.embeddings(_ENCODER + _EMBEDDINGS)
    slots = _numbered_slots(variables, numbered)
    layers = assemble_layers(variables.file, variables.in_slots(slots), embeddings.shape[1], _expected_name)
    # An untied head's kernel is not in the file, and its bias alone is of no use.
    has_head = _LM_HEAD_BIASES in variables.names and layers[-1].units == embeddings.shape[1]
    if _LM_HEAD_BIASES in variables.names and not has_head:
        ignored.append(_LM_HEAD_BIASES)
    return LanguageModelWeights(
        source_format="saved-model",
        embeddings=embeddings,
        layers=layers,
        has_head=has_head,
        head_bias=variables.tensor(_LM_HEAD_BIASES) if has_head else None,
        ignored=tuple(sorted(ignored)),
    )


def sentencepiece_model(path: str | Path) -> Path | None:
    """The SentencePiece model among a SavedModel's assets, None where it has none.

    Args:
        path: The SavedModel's folder.

    Raises:
        DataError: There are several.
    """
    found = sorted((Path(path) / "assets").glob("*.model"))
    if len(found) > 1:
        raise DataError(f"{path}: has {len(found)} SentencePiece models: {', '.join(file.name for file in found)}.")
    return found[0] if found else None


class _Variables:
    """Variables of a checkpoint under their names without the suffix."""

    def __init__(self, prefix: Path):
        """Opens a checkpoint.

        Raises:
            DataError: It is damaged or incomplete.
        """
        self.file = str(prefix)
        self._shards = sorted(prefix.parent.glob(f"{glob.escape(prefix.name)}.data-*"))
        self._check_files([prefix.with_name(f"{prefix.name}.index"), *self._shards])
        self._reader = self._open()
        self._shapes: dict[str, list[int]] = self._reader.get_variable_to_shape_map()
        self._keys = {key.removesuffix(_SUFFIX): key for key in self._shapes if key != _OBJECT_GRAPH}
        self.names = sorted(self._keys)

    def _check_files(self, files: list[Path]) -> None:
        if not self._shards:
            raise DataError(f"{self.file}: its data is missing: {self.file}.data-00000-of-00001.")
        for file in files:
            with file.open("rb") as stream:
                if is_git_lfs_pointer(head := stream.read(512)):
                    raise DataError(f"{file}: {looks_like(head)}.")

    def _open(self) -> Any:
        import tensorflow as tf

        with _named_if_damaged(self.file):
            return tf.train.load_checkpoint(self.file)

    def tensor(self, name: str) -> SourceTensor:
        """A variable.

        Raises:
            DataError: It cannot be read, or it is not a finite float tensor.
        """
        key = self._keys[name]
        numbers, in_file = math.prod(self._shapes[key]), sum(shard.stat().st_size for shard in self._shards)
        if numbers > in_file:
            raise DataError(f"{self.file}: is damaged: {name} has {numbers:,} numbers in {in_file:,} bytes of data.")
        with _named_if_damaged(f"{self.file}: {name}"):
            array = self._reader.get_tensor(key)
        return SourceTensor(self.file, name, array)

    def shape(self, name: str) -> list[int]:
        """Shape of a variable."""
        return self._shapes[self._keys[name]]

    def embeddings(self, name: str) -> SourceTensor:
        """The embeddings [vocab, size].

        Raises:
            DataError: They are missing or not of that kind.
        """
        if name not in self.names:
            raise DataError(f"{self.file}: has no embeddings: {name} is missing.")
        embeddings = self.tensor(name)
        embeddings.check_rank(2)
        return embeddings

    def in_slots(self, slots: Mapping[LayerSlot, str]) -> dict[LayerSlot, SourceTensor]:
        """The tensors of recurrent layers."""
        return {slot: self.tensor(name) for slot, name in slots.items()}


@contextlib.contextmanager
def _named_if_damaged(what: str) -> Iterator[None]:
    import tensorflow as tf

    try:
        yield
    except (tf.errors.OpError, RuntimeError, ValueError, IndexError, KeyError) as error:
        raise DataError(f"{what}: cannot be read, is it damaged? {shown(str(error), 300)}") from None


def _checkpoint_prefix(path: Path) -> Path:
    if path.is_dir():
        found = sorted(path.glob("*.index"))
        if len(found) != 1:
            listed = ", ".join(file.name for file in found) or "none"
            raise DataError(f"{path}: expected a folder with one checkpoint (PREFIX.index), found {listed}.")
        return found[0].with_suffix("")
    prefix = path.with_suffix("") if path.suffix == ".index" else path
    if not prefix.with_name(f"{prefix.name}.index").is_file():
        raise DataError(f"{path}: no such checkpoint, expected a file {prefix.name}.index.")
    return prefix


def _untied_head(
    variables: _Variables, names: list[str], layers: tuple[SourceLayer, ...]
) -> tuple[SourceTensor | None, SourceTensor | None]:
    """Weights [vocab, units] and bias of a Dense layer on the last recurrent one, if that is all there is."""
    layer = f"layer_with_weights-{len(layers) + 1}"
    kernel, bias = f"{layer}/kernel", f"{layer}/bias"
    if set(names) != {kernel, bias} or variables.shape(kernel)[:1] != [layers[-1].units]:
        return None, None
    found = variables.tensor(kernel)
    return dataclasses.replace(found, array=found.array.T), variables.tensor(bias)


def _numbered_slots(variables: _Variables, numbered: Mapping[int, str]) -> dict[LayerSlot, str]:
    """Places of variables that only have a number: a vector is a bias, and ends its layer."""
    slots: dict[LayerSlot, str] = {}
    layer: list[str] = []
    number = 0
    for position, index in enumerate(sorted(numbered), start=1):
        name = numbered[index]
        if index != position:
            raise DataError(f"{variables.file}: encoder_num/variables/{position} is missing.")
        layer.append(name)
        if len(variables.shape(name)) != 1 and index != len(numbered):
            continue
        if len(layer) not in _FIELDS_BY_COUNT or len(variables.shape(name)) != 1:
            raise DataError(
                f"{variables.file}: {', '.join(layer)} are no recurrent layer, expected kernel, recurrent kernel and "
                "bias of an LSTM or weights and biases of a QRNN."
            )
        cell, fields = _FIELDS_BY_COUNT[len(layer)]
        slots |= {LayerSlot(number, cell, field): name for field, name in zip(fields, layer, strict=True)}
        layer, number = [], number + 1
    return slots


def _expected_name(slot: LayerSlot) -> str:
    return f"layer_with_weights-{slot.number + 1}/cell/{slot.field}"
