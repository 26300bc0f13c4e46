"""Lines of a label and a text with white space between them, such as those of the Stanford Sentiment Treebank, TREC."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import BinaryIO, Literal

from ulmfit_tfx.schemas.config.sources.labelled_texts import ClassifiedTextsConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.label_names import UNLISTED, LabelNames, UnlistedLabelError
from ulmfit_tfx.transforms.records.line_blocks import read_lines
from ulmfit_tfx.transforms.records.lines import excerpt, is_longer
from ulmfit_tfx.transforms.records.record import Refusal, Row, RowError

LABELLED_LINES = "labelled_lines"
Place = Literal["first", "last"]

_LABEL_AND_TEXT = {
    "first": re.compile(r"(?P<label>\S+)\s+(?P<text>.*\S)"),
    "last": re.compile(r"(?P<text>.*\S)\s+(?P<label>\S+)"),
}
_PARTED = {
    "first": re.compile(r"(?P<label>[^\s,;|]+)[ ]+(?P<text>.*\S)"),
    "last": re.compile(r"(?P<text>.*\S)(\t[ ]*|[ ]{2,})(?P<label>[^\s,;|]+)"),
}
"""Lines that may be such: a text may end in any word, so that more than one space has to stand before a label."""
_LOOKED_AT = 500
_FEWEST_LINES = 20
_LINES_OF_A_LABEL = 10
"""Lines there are of a label, in the mean. Words that begin sentences recur less."""
_REPEATED = 0.98
_WORDS_OF_A_TEXT = 3
"""In the mean. A line with fewer is one of CoNLL's."""
_LENGTHS_OF_TEXTS = 3
"""Texts have several lengths, rows of a table of words one."""
_NAMED = 5
_TIME = re.compile(r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2}.*)?|\d{1,2}([-/.])\d{1,2}\2\d{2,4}|\d{1,2}:\d{2}(:\d{2}.*)?")
_FEATURE = re.compile(r"\d+:[-+.\deE]+")
"""A number of a feature and its value, as in files of libsvm."""


def parse(stream: BinaryIO, source: str, config: ClassifiedTextsConfig) -> Iterator[Row | Refusal | Drop]:
    """Parses a file of texts with labels.

        1 Fine, really

    gives `Row("Fine, really", label="1")`, and so does `Fine, really  1` with `label_at: last`.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Labels, encoding and bounds.

    Yields:
        One `Row` or `Refusal` a line, in the file's order, or a `Drop` where its label is not listed. Blank lines are
        none.
    """
    names = LabelNames.of_texts(config)
    for line in read_lines(stream, source, config):
        if isinstance(line, Refusal):
            yield line
            continue
        number, content = line
        try:
            yield _row(number, content, config, names)
        except UnlistedLabelError as unlisted:
            yield Drop(UNLISTED, unlisted.label)
        except RowError as error:
            yield error.refusal(source, number, content)


def check_labels(stream: BinaryIO, source: str, config: ClassifiedTextsConfig) -> None:
    """Looks at the first lines.

    Raises:
        DataError: There are many, and no label occurs in two of them.
    """
    lines = [
        line[1] for line in islice(read_lines(stream, source, config), _LOOKED_AT) if not isinstance(line, Refusal)
    ]
    labels = Counter(
        found["label"] for found in map(_LABEL_AND_TEXT[config.label_at].match, map(str.strip, lines)) if found
    )
    if len(labels) >= _FEWEST_LINES and len(labels) == labels.total():
        other = "first" if config.label_at == "last" else "last"
        raise DataError(
            f"{source}:1: the {config.label_at} words of the first {len(labels):,} lines are all different, such as "
            f"{excerpt(', '.join(list(labels)[:_NAMED]))}: these are no labels. Set data.label_at to {other}, or the "
            "format that the file has."
        )


def place_of_labels(lines: Sequence[str]) -> Place | None:
    """Where the labels stand in lines, if there is no doubt that these are a label and a text.

    There is none where few different words begin the lines, or stand after a tab or two spaces at their end, nearly
    each of them several times, and what else is in the lines is text, of several lengths.

    >>> lines = [f"{number % 2} a line of {'some ' * (number % 5)}words" for number in range(40)]
    >>> place_of_labels(lines), place_of_labels([f"{line[2:]}  {line[0]}" for line in lines])
    ('first', 'last')
    >>> place_of_labels([line[2:] for line in lines])

    Args:
        lines: The first ones of a file.
    """
    places: tuple[Place, ...] = ("last", "first")  # what parts a label at the end stands in no text
    return next((place for place in places if labels_in(lines, place)), None)


def labels_in(lines: Sequence[str], place: str) -> list[str]:
    """The labels of lines, see `place_of_labels`, the most frequent first; none where there is a doubt."""
    filled = [line.strip() for line in lines if line.strip()][:_LOOKED_AT]
    found = [match for match in map(_PARTED[place].fullmatch, filled) if match]
    if len(filled) < _FEWEST_LINES or len(found) < len(filled):
        return []
    labels = Counter(match["label"] for match in found)
    lengths = [len(match["text"].split()) for match in found]
    repeated = sum(count for count in labels.values() if count > 1)
    is_text = sum(lengths) >= _WORDS_OF_A_TEXT * len(lengths) and len(set(lengths)) >= _LENGTHS_OF_TEXTS
    are_few = 2 <= len(labels) <= len(filled) / _LINES_OF_A_LABEL and repeated >= _REPEATED * len(filled)
    is_text &= not all(_FEATURE.fullmatch(word) for match in found for word in match["text"].split())
    are_names = all(
        label[-1].isalnum() and label[0] not in "\"'([{<" and not _TIME.fullmatch(label) for label in labels
    )
    return [label for label, _ in labels.most_common()] if is_text and are_few and are_names else []


def how_to_read(lines: Sequence[str]) -> str:
    """What to set for lines that are a label and a text, as a sentence; "" for others."""
    place = place_of_labels(lines)
    if place is None:
        return ""
    labels = labels_in(lines, place)
    named = ", ".join(labels[:_NAMED]) + (" ..." if len(labels) > _NAMED else "")
    does, setting = ("begins", "") if place == "first" else ("ends", " and label_at to last")
    return (
        f"Each line {does} with one of {len(labels):,} words ({excerpt(named)}), as with a label: set format to "
        f"{LABELLED_LINES}{setting}."
    )


def _row(number: int, line: str, config: ClassifiedTextsConfig, names: LabelNames) -> Row:
    found = _LABEL_AND_TEXT[config.label_at].fullmatch(line.strip())
    if found is None:
        raise RowError("empty text", "there is one word, expected a label and a text")
    text = found["text"].strip()
    if is_longer(text, config.max_row_bytes):
        raise RowError.too_long(config.max_row_bytes)
    return Row(text, names.name(found["label"]), line=number)
