"""Asks an exported tagger. Importing this loads no TensorFlow."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ulmfit_tfx.tasks.tagging.model_info import TaggingInfo
from ulmfit_tfx.trainer_modules.serving import signature_names as names
from ulmfit_tfx.trainer_modules.serving.length_batches import answer_in_order
from ulmfit_tfx.trainer_modules.serving.loaded_model import Columns, Outputs, Predictor, as_arrays, decoded
from ulmfit_tfx.transforms.records.record import Row

if TYPE_CHECKING:
    import pandas as pd

_POSITIONS = ("start_byte", "end_byte", "start_char", "end_char")
_WORD_POSITIONS = (
    names.WORD_START_BYTES,
    names.WORD_END_BYTES,
    names.WORD_START_CHARS,
    names.WORD_END_CHARS,
)
_SPAN_POSITIONS = (
    names.SPAN_START_BYTES,
    names.SPAN_END_BYTES,
    names.SPAN_START_CHARS,
    names.SPAN_END_CHARS,
)


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


class Tagger(Predictor[TaggingInfo, TagPrediction]):
    """A loaded tagger: cuts texts into words and tags these."""

    noun = "tagger"
    output = names.ALL_TAGS

    @staticmethod
    def columns(answers: Sequence[TagPrediction], info: TaggingInfo) -> Columns:
        """`words`, `tags` and `scores`, lists of the same length, and `spans`, a list of `Span`.

        Where a word may have several tags, each of `tags` is a tuple of them.
        """
        return {
            "words": [[word.text for word in answer.words] for answer in answers],
            "tags": [[_tag(word.tag, info) for word in answer.words] for answer in answers],
            "scores": [[word.score for word in answer.words] for answer in answers],
            "spans": [list(answer.spans) for answer in answers],
        }

    @staticmethod
    def read(texts: Sequence[str], outputs: Outputs, info: TaggingInfo) -> list[TagPrediction]:
        """See `Predictor.read`. The padding is left out."""
        return [TagPrediction(text, _words(outputs, row), _spans(outputs, row)) for row, text in enumerate(texts)]

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> TagPrediction:
        """See `Predictor.from_json`."""
        words = tuple(TaggedWord(**word) for word in values["words"])
        return TagPrediction(values["text"], words, tuple(Span(**span) for span in values["spans"]))

    def answer_rows(self, rows: Sequence[Row]) -> list[TagPrediction]:
        """Tags the words of rows."""
        return self.answer_words([row.words for row in rows])

    def predict_words(self, sequences: Iterable[Sequence[str]]) -> "pd.DataFrame":
        """Tags words that are already split, as a table.

        Args:
            sequences: A list or a Series of lists of words.

        Returns:
            A row a sequence, in their order, with the index of a Series. The columns are those of `columns`.

        Raises:
            ValueError: A word is empty, which to the model is padding.
        """
        import pandas as pd

        index = sequences.index if isinstance(sequences, pd.Series) else None  # a list has a method of that name
        return self._table(self.answer_words([list(words) for words in sequences]), index)

    def answer_words(self, sequences: Sequence[Sequence[str]]) -> list[TagPrediction]:
        """Tags words that are already split; sequences in their order.

        Raises:
            ValueError: A word is empty, which to the model is padding.
        """
        if not all(map(all, sequences)):
            raise ValueError("a word is empty, expected words of at least one character.")
        return answer_in_order(sequences, lambda words: sum(map(len, words)), self._tag_words)

    def _tag_words(self, sequences: Sequence[Sequence[str]]) -> list[TagPrediction]:
        import tensorflow as tf

        columns = max(1, *map(len, sequences))
        padded = [[*words, *[""] * (columns - len(words))] for words in sequences]
        outputs = as_arrays(self.signatures[names.TAG_WORDS](**{names.WORDS: tf.constant(padded)}))
        return self.read([" ".join(words) for words in sequences], outputs, self.info)


def _tag(tag: str, info: TaggingInfo) -> str | tuple[str, ...]:
    separator = info.details.tag_separator
    if separator is None:
        return tag
    return tuple(tag.split(separator)) if tag else ()


def _words(outputs: Outputs, row: int) -> tuple[TaggedWord, ...]:
    count = int(outputs[names.WORD_COUNTS].reshape(-1)[row])
    columns = [outputs[name][row, :count].tolist() for name in (names.SCORES, *_WORD_POSITIONS)]
    texts, tags = (decoded(outputs[name][row, :count]) for name in (names.WORDS, names.TAGS))
    return tuple(
        TaggedWord(text, tag, score, **dict(zip(_POSITIONS, positions, strict=True)))
        for text, tag, score, *positions in zip(texts, tags, *columns, strict=True)
    )


def _spans(outputs: Outputs, row: int) -> tuple[Span, ...]:
    count = int(outputs[names.SPAN_COUNTS].reshape(-1)[row])
    numbers = (names.SPAN_SCORES, names.SPAN_START_WORDS, names.SPAN_END_WORDS, *_SPAN_POSITIONS)
    columns = [outputs[name][row, :count].tolist() for name in numbers]
    labels, texts = (decoded(outputs[name][row, :count]) for name in (names.SPAN_LABELS, names.SPAN_TEXTS))
    return tuple(
        Span(label, text, score, start_word, end_word, **dict(zip(_POSITIONS, positions, strict=True)))
        for label, text, score, start_word, end_word, *positions in zip(labels, texts, *columns, strict=True)
    )
