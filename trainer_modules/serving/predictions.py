"""What the task models answer: the answers as data, and how they are read from the outputs of a signature.

The outputs are those of `serving_default`, `tag_words` or `serving_examples`, see `signature_names`.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ulmfit_tfx.trainer_modules.serving import signature_names as signatures

if TYPE_CHECKING:
    import numpy as np

Outputs = Mapping[str, "np.ndarray"]
"""Outputs of a signature by name, the first axis being the batch."""

_POSITIONS = ("start_byte", "end_byte", "start_char", "end_char")
_WORD_POSITIONS = (
    signatures.WORD_START_BYTES,
    signatures.WORD_END_BYTES,
    signatures.WORD_START_CHARS,
    signatures.WORD_END_CHARS,
)
_SPAN_POSITIONS = (
    signatures.SPAN_START_BYTES,
    signatures.SPAN_END_BYTES,
    signatures.SPAN_START_CHARS,
    signatures.SPAN_END_CHARS,
)


@dataclasses.dataclass(frozen=True)
class Prediction:
    """A classifier's answer to one text.

    Attributes:
        text: The text.
        label: The most probable class; with several labels a text, those given, joined by the separator.
        probabilities: Probability of each class.
        labels: The labels given, the most probable first: `(label,)` of a classifier with one label a text.
    """

    text: str
    label: str
    probabilities: dict[str, float]
    labels: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class ScorePrediction:
    """A regressor's answer to one text.

    Attributes:
        text: The text.
        scores: The number predicted for each target.
    """

    text: str
    scores: dict[str, float]


@dataclasses.dataclass(frozen=True)
class TaggedWord:
    """A word with its tag. Ends are after the last byte or character; characters are Unicode code points.

    Attributes:
        text: The word.
        tag: Its tag; with several tags a word, these joined by the separator, "" for none.
        score: Probability of the tag.
        start_byte: Where the word begins in the text, in UTF-8 bytes.
        end_byte: Where it ends.
        start_char: The same in characters.
        end_char: Where it ends.
    """

    text: str
    tag: str
    score: float
    start_byte: int
    end_byte: int
    start_char: int
    end_char: int


@dataclasses.dataclass(frozen=True)
class Span:
    """An entity, or of plain tags a run of words with the same one. Ends are after the last word, byte or character.

    Attributes:
        label: The entity's kind, or the tag.
        text: The span as it stands in the text.
        score: Mean of the words' scores.
        start_word: Index of its first word.
        end_word: Index after its last word.
        start_byte: Where it begins in the text, in UTF-8 bytes.
        end_byte: Where it ends.
        start_char: The same in characters.
        end_char: Where it ends.
    """

    label: str
    text: str
    score: float
    start_word: int
    end_word: int
    start_byte: int
    end_byte: int
    start_char: int
    end_char: int


@dataclasses.dataclass(frozen=True)
class TagPrediction:
    """A tagger's answer to one text.

    Attributes:
        text: The text; of words already split, these with a space between them.
        words: Its words with their tags.
        spans: What the tags mark.
    """

    text: str
    words: tuple[TaggedWord, ...]
    spans: tuple[Span, ...]


TaskPrediction = Prediction | ScorePrediction | TagPrediction


def read_outputs(texts: Sequence[str], outputs: Outputs, info: Mapping[str, Any]) -> list[TaskPrediction]:
    """Answers to texts out of a signature's outputs.

    Args:
        texts: What the signature was given, B of them.
        outputs: Of the signature, batch-leading. Labels and counts may be [B] or [B,1].
        info: The model's information file, of task classification, regression or tagging.
    """
    if info["task"] == "classification":
        return list(read_classes(texts, outputs, info.get("details", {}).get("label_separator")))
    return list(read_scores(texts, outputs) if info["task"] == "regression" else read_tags(texts, outputs))


def read_classes(texts: Sequence[str], outputs: Outputs, label_separator: str | None) -> list[Prediction]:
    """Answers of a classifier. A `label_separator` stands where there are several labels a text."""
    predictions = []
    labels = outputs[signatures.LABEL].reshape(-1)
    for row, (text, encoded) in enumerate(zip(texts, labels, strict=True)):
        label = encoded.decode()
        several = label.split(label_separator) if label_separator and label else []
        probabilities = _by_name(outputs[signatures.ALL_CLASSES][row], outputs[signatures.PROBABILITIES][row])
        given = (label,) if label_separator is None else tuple(several)
        predictions.append(Prediction(text, label, probabilities, given))
    return predictions


def read_scores(texts: Sequence[str], outputs: Outputs) -> list[ScorePrediction]:
    """Answers of a regressor."""
    return [
        ScorePrediction(text, _by_name(names, scores))
        for text, names, scores in zip(texts, outputs[signatures.ALL_TARGETS], outputs[signatures.SCORES], strict=True)
    ]


def read_tags(texts: Sequence[str], outputs: Outputs) -> list[TagPrediction]:
    """Answers of a tagger, without the padding."""
    return [TagPrediction(text, _words(outputs, row), _spans(outputs, row)) for row, text in enumerate(texts)]


def from_json(values: Mapping[str, Any]) -> TaskPrediction:
    """The answer whose fields a JSON line holds: what `dataclasses.asdict` made of it."""
    if "probabilities" in values:
        return Prediction(**{**values, "labels": tuple(values["labels"])})
    if "scores" in values:
        return ScorePrediction(**values)
    words = tuple(TaggedWord(**word) for word in values["words"])
    return TagPrediction(values["text"], words, tuple(Span(**span) for span in values["spans"]))


def _by_name(names: "np.ndarray", values: "np.ndarray") -> dict[str, float]:
    return {name.decode(): float(value) for name, value in zip(names, values, strict=True)}


def _words(outputs: Outputs, row: int) -> tuple[TaggedWord, ...]:
    count = int(outputs[signatures.WORD_COUNTS].reshape(-1)[row])
    columns = [outputs[name][row, :count].tolist() for name in (signatures.SCORES, *_WORD_POSITIONS)]
    texts, tags = (_decoded(outputs[name][row, :count]) for name in (signatures.WORDS, signatures.TAGS))
    return tuple(
        TaggedWord(text, tag, score, **dict(zip(_POSITIONS, positions, strict=True)))
        for text, tag, score, *positions in zip(texts, tags, *columns, strict=True)
    )


def _spans(outputs: Outputs, row: int) -> tuple[Span, ...]:
    count = int(outputs[signatures.SPAN_COUNTS].reshape(-1)[row])
    names = (signatures.SPAN_SCORES, signatures.SPAN_START_WORDS, signatures.SPAN_END_WORDS, *_SPAN_POSITIONS)
    columns = [outputs[name][row, :count].tolist() for name in names]
    labels, texts = (_decoded(outputs[name][row, :count]) for name in (signatures.SPAN_LABELS, signatures.SPAN_TEXTS))
    return tuple(
        Span(label, text, score, start_word, end_word, **dict(zip(_POSITIONS, positions, strict=True)))
        for label, text, score, start_word, end_word, *positions in zip(labels, texts, *columns, strict=True)
    )


def _decoded(strings: "np.ndarray") -> list[str]:
    return [string.decode() for string in strings]
