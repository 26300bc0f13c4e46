"""What `signature_names` promises, as data that an exported model can be checked against."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from ulmfit_tfx.trainer_modules.serving import signature_names as names
from ulmfit_tfx.trainer_modules.serving.model_info import ModelInfo

PREDICT_METHOD = "tensorflow/serving/predict"
BATCH = "B"

Tensors = Mapping[str, str]
"""By name: dtype and dimensions, named as in `signature_names`; F is the sum of the batch's lengths."""
Spec = tuple[str, Tensors, Tensors]
"""Of a signature: its name, inputs and outputs."""

TEXTS = {names.STRING_INPUTS: "string B"}
SERIALIZED = {names.INPUTS: "string B"}
"""Input of the signatures for TensorFlow Serving's Classify and Regress APIs."""
_EXAMPLES = {names.EXAMPLES: "string B"}
_PIECES = {names.NUMERICALIZED: "int32 B T"}
_ENCODED = {names.OUTPUT: "float32 B T D", names.MASK: "bool B T"}


@dataclasses.dataclass(frozen=True)
class TensorContract:
    """An input or output.

    Attributes:
        dtype: `string`, `int32`, ...
        shape: Of each dimension the number, or a name where that differs from request to request. Dimensions of one
            name are equal in all inputs and outputs of a signature; `B` is the number of texts in the request.
    """

    dtype: str
    shape: tuple[int | str, ...]

    def __str__(self) -> str:
        return f"{self.dtype} [{','.join(map(str, self.shape))}]"


@dataclasses.dataclass(frozen=True)
class SignatureContract:
    """A signature.

    Attributes:
        inputs: By name.
        outputs: By name.
        method_name: What TensorFlow Serving calls it by.
    """

    inputs: Mapping[str, TensorContract]
    outputs: Mapping[str, TensorContract]
    method_name: str


def contracts(specs: Iterable[Spec], sizes: Mapping[str, int]) -> dict[str, SignatureContract]:
    """Contracts by the names of the signatures.

    Args:
        specs: Of the signatures.
        sizes: Of dimensions that are known, by name.
    """
    return {
        name: SignatureContract(
            inputs={key: _tensor(spec, sizes) for key, spec in inputs.items()},
            outputs={key: _tensor(spec, sizes) for key, spec in outputs.items()},
            method_name=names.METHOD_NAMES.get(name, PREDICT_METHOD),
        )
        for name, inputs, outputs in specs
    }


def encoder_contracts(info: ModelInfo) -> dict[str, SignatureContract]:
    """Of the signatures that every model has."""
    return contracts(_of_encoder(info), {} if info.fixed_seq_len is None else {"T": info.fixed_seq_len})


def answer_specs(answer: Tensors) -> Iterator[Spec]:
    """Of the signatures that every model of a task has.

    Args:
        answer: What `serving_default` gives.
    """
    yield names.SERVING_DEFAULT, TEXTS, answer
    in_columns = {key: f"{spec} 1" if spec.endswith(BATCH) else spec for key, spec in answer.items()}
    yield names.SERVING_EXAMPLES, _EXAMPLES, in_columns


def _of_encoder(info: ModelInfo) -> Iterator[Spec]:
    yield names.STRING_ENCODER, TEXTS, _ENCODED | _PIECES | {names.LENGTHS: "int32 B"}
    yield names.SPM_PROCESSOR, TEXTS, _PIECES | {names.MASK: "bool B T"}
    # Pieces may come in any number, also where those of a text are brought to a fixed one.
    of_pieces = {names.OUTPUT: "float32 B L D", names.MASK: "bool B L"}
    yield names.NUMERICALIZED_ENCODER, {names.NUMERICALIZED: "int32 B L"}, of_pieces
    if info.fixed_seq_len is None:
        flat = {
            f"{names.OUTPUT}_flat": "float32 F D",
            f"{names.OUTPUT}_rows": "int32 B",
            f"{names.NUMERICALIZED}_flat": "int32 F",
            f"{names.NUMERICALIZED}_rows": "int32 B",
        }
        yield names.STRING_ENCODER_FLAT, TEXTS, flat


def _tensor(spec: str, sizes: Mapping[str, int]) -> TensorContract:
    dtype, *dimensions = spec.split()
    return TensorContract(dtype, tuple(sizes.get(name, int(name) if name.isdigit() else name) for name in dimensions))
