"""What a language model's signatures promise."""

from collections.abc import Iterator, Sequence

from ulmfit_tfx.schemas.section import Direction
from ulmfit_tfx.trainer_modules.serving import signature_names as names
from ulmfit_tfx.trainer_modules.serving.signature_contract import TEXTS, Spec, answer_specs


def specs(directions: Sequence[Direction]) -> Iterator[Spec]:
    """Of its signatures. V is the vocabulary's size."""
    answer = {
        names.NEGATIVE_LOG_LIKELIHOOD: "float32 B",
        names.PREDICTED_PIECES: "int32 B",
        names.WORDS: "int32 B",
    }
    if len(directions) == 2:
        answer[names.NEGATIVE_LOG_LIKELIHOOD_BACKWARD] = "float32 B"
    yield from answer_specs(answer)
    for direction in directions:
        yield from _of_direction(direction)


def _of_direction(direction: Direction) -> Iterator[Spec]:
    of_texts, of_pieces = {
        "forward": (names.NEXT_PIECE, names.NEXT_PIECE_NUMERICALIZED),
        "backward": (names.PREVIOUS_PIECE, names.PREVIOUS_PIECE_NUMERICALIZED),
    }[direction]
    answer = {names.LOG_PROBABILITIES: "float32 B V"}
    yield of_texts, TEXTS, answer | {names.NUMERICALIZED: "int32 B L", names.LENGTHS: "int32 B"}
    yield of_pieces, {names.NUMERICALIZED: "int32 B L"}, answer
