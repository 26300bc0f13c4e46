"""What a tagger's signatures promise."""

from collections.abc import Iterator

from ulmfit_tfx.trainer_modules.serving import signature_names as names
from ulmfit_tfx.trainer_modules.serving.signature_contract import Spec, answer_specs

_ANSWER = {
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
}


def specs() -> Iterator[Spec]:
    """Of its signatures. K is the number of tags."""
    yield from answer_specs(_ANSWER)
    yield names.TAG_WORDS, {names.WORDS: "string B L"}, _ANSWER  # L: the input may be padded beyond W
