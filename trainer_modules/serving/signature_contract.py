"""What `signature_names` promises, as data that an exported model can be checked against."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from ulmfit_tfx.trainer_modules.serving import signature_names as names

PREDICT_METHOD = "tensorflow/serving/predict"
BATCH = "B"

_Tensors = Mapping[str, str]
"""By name: dtype and dimensions, named as in `signature_names`; F is the sum of the batch's lengths."""

_TEXTS = {names.STRING_INPUTS: "string B"}
_EXAMPLES = {names.EXAMPLES: "string B"}
_PIECES = {names.NUMERICALIZED: "int32 B T"}
_ENCODED = {names.OUTPUT: "float32 B T D", names.MASK: "bool B T"}

_ANSWERS: dict[str, _Tensors] = {
    "classification": {
        names.LABEL: "string B",
        names.PROBABILITIES: "float32 B C",
        names.ALL_CLASSES: "string B C",
    },
    "regression": {names.SCORES: "float32 B N", names.ALL_TARGETS: "string B N"},
    "tagging": {
        names.WORDS: "string B W",
        names.WORD_COUNTS: "int32 B",
        names.WORD_START_BYTES: "int32 B W",
        names.WORD_END_BYTES: "int32 B W",
        names.WORD_START_CHARS: "int32 B W",
        names.WORD_END_CHARS: "int32 B W",
        names.TAGS: "string B W",
        names.SCORES: "float32 B W",
        names.TAG_PROBABILITIES: "float32 B W K",
        names.ALL_TAGS: "string B K",
        names.SPAN_LABELS: "string B S",
        names.SPAN_TEXTS: "string B S",
        names.SPAN_SCORES: "float32 B S",
        names.SPAN_COUNTS: "int32 B",
        names.SPAN_START_WORDS: "int32 B S",
        names.SPAN_END_WORDS: "int32 B S",
        names.SPAN_START_BYTES: "int32 B S",
        names.SPAN_END_BYTES: "int32 B S",
        names.SPAN_START_CHARS: "int32 B S",
        names.SPAN_END_CHARS: "int32 B S",
    },
    "language_model": {
        names.NEGATIVE_LOG_LIKELIHOOD: "float32 B",
        names.PREDICTED_PIECES: "int32 B",
        names.WORDS: "int32 B",
    },
}
"""By task, what `serving_default` gives."""


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


def signature_contracts(info: Mapping[str, Any]) -> dict[str, SignatureContract]:
    """The signatures that a model has to have, by name.

    Args:
        info: The model's information file, see `ulmfit_tfx.trainer_modules.serving.saved_model`.
    """
    labels, targets = len(info["labels"]), len(info["details"].get("targets", ()))
    sizes = {"C": labels, "K": labels, "N": targets, "V": info["tokenizer"]["vocab_size"]}
    lengths = {} if info["fixed_seq_len"] is None else {"T": info["fixed_seq_len"]}
    signatures = [(*signature, sizes | lengths) for signature in _of_encoder(info)]
    if info["task"] in _ANSWERS:
        signatures += [(*signature, sizes) for signature in _of_task(info)]
    return {
        name: SignatureContract(
            inputs={key: _tensor(spec, known) for key, spec in inputs.items()},
            outputs={key: _tensor(spec, known) for key, spec in outputs.items()},
            method_name=names.METHOD_NAMES.get(name, PREDICT_METHOD),
        )
        for name, inputs, outputs, known in signatures
    }


def _of_encoder(info: Mapping[str, Any]) -> Iterator[tuple[str, _Tensors, _Tensors]]:
    yield names.STRING_ENCODER, _TEXTS, _ENCODED | _PIECES | {names.LENGTHS: "int32 B"}
    yield names.SPM_PROCESSOR, _TEXTS, _PIECES | {names.MASK: "bool B T"}
    # Pieces may come in any number, also where those of a text are brought to a fixed one.
    of_pieces = {names.OUTPUT: "float32 B L D", names.MASK: "bool B L"}
    yield names.NUMERICALIZED_ENCODER, {names.NUMERICALIZED: "int32 B L"}, of_pieces
    if info["fixed_seq_len"] is None:
        flat = {
            f"{names.OUTPUT}_flat": "float32 F D",
            f"{names.OUTPUT}_rows": "int32 B",
            f"{names.NUMERICALIZED}_flat": "int32 F",
            f"{names.NUMERICALIZED}_rows": "int32 B",
        }
        yield names.STRING_ENCODER_FLAT, _TEXTS, flat


def _of_task(info: Mapping[str, Any]) -> Iterator[tuple[str, _Tensors, _Tensors]]:
    task = info["task"]
    answer = _ANSWERS[task]
    if task == "language_model" and len(info["directions"]) == 2:
        answer = {**answer, names.NEGATIVE_LOG_LIKELIHOOD_BACKWARD: "float32 B"}
    yield names.SERVING_DEFAULT, _TEXTS, answer
    in_columns = {key: f"{spec} 1" if spec.endswith(BATCH) else spec for key, spec in answer.items()}
    yield names.SERVING_EXAMPLES, _EXAMPLES, in_columns
    if task == "classification":
        yield names.CLASSIFY, {names.INPUTS: "string B"}, {names.CLASSES: "string B C", names.SCORES: "float32 B C"}
    elif task == "regression" and len(info["details"]["targets"]) == 1:
        yield names.REGRESS, {names.INPUTS: "string B"}, {names.OUTPUTS: "float32 B"}
    elif task == "tagging":
        yield names.TAG_WORDS, {names.WORDS: "string B L"}, answer  # L: the input may be padded beyond W
    elif task == "language_model":
        for direction in info["directions"]:
            yield from _of_direction(direction)


def _of_direction(direction: str) -> Iterator[tuple[str, _Tensors, _Tensors]]:
    of_texts, of_pieces = {
        "forward": (names.NEXT_PIECE, names.NEXT_PIECE_NUMERICALIZED),
        "backward": (names.PREVIOUS_PIECE, names.PREVIOUS_PIECE_NUMERICALIZED),
    }[direction]
    answer = {names.LOG_PROBABILITIES: "float32 B V"}
    yield of_texts, _TEXTS, answer | {names.NUMERICALIZED: "int32 B L", names.LENGTHS: "int32 B"}
    yield of_pieces, {names.NUMERICALIZED: "int32 B L"}, answer


def _tensor(spec: str, sizes: Mapping[str, int]) -> TensorContract:
    dtype, *dimensions = spec.split()
    return TensorContract(dtype, tuple(sizes.get(name, int(name) if name.isdigit() else name) for name in dimensions))
