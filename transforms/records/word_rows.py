"""Tables of a word and its tag a row, such as Kaggle's copy of the Groningen Meaning Bank."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from ulmfit_tfx.schemas.config.sources.tagged_words import TaggedTableConfig
from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records import tables
from ulmfit_tfx.transforms.records.lines import excerpt
from ulmfit_tfx.transforms.records.record import Refusal, Row, RowError
from ulmfit_tfx.transforms.records.record_fields import Record
from ulmfit_tfx.transforms.records.tagged_rows import TaggedRows

_USUAL_NAMES = {
    "sentence_column": ("sentence #", "sentence", "sentence_id", "sentence_idx", "sent_id", "sentence id"),
    "word_column": ("word", "token", "words", "tokens", "form"),
    "tag_column": ("tag", "ner", "ner_tag", "tags", "label", "labels", "entity", "pos"),
}
"""In small letters, the most telling first."""


class WordColumns(NamedTuple):
    """Names of the columns that are read."""

    sentence: str
    word: str
    tag: str


def parse(stream: BinaryIO, source: str, config: TaggedTableConfig, tagging: TagsConfig) -> Iterator[Row | Refusal]:
    """Parses a file of words.

        Sentence #,Word,POS,Tag
        Sentence: 1,to,IN,O
        ,London,NNP,B-LOC
        Sentence: 2,Fine,JJ,O

    gives `Row(text="to London", words=("to", "London"), tags=("O", "B-LOC"))` and so on: a sentence begins where its
    column has another value than before, and goes on where that is empty or the same. Where a row cannot be read, it
    is not known which sentence it belongs to, so that those on either side of it are refused.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Columns, tags, encoding and bounds.
        tagging: The scheme of the tags.

    Yields:
        One `Row` or `Refusal` a sentence, in the file's order.

    Raises:
        DataError: The file is empty, or a column is not found in its header.
    """
    stream, names = tables.with_names(stream, source, config)
    columns = _columns(names, source, config)
    rows = TaggedRows(config, tagging)
    sentence = _Sentence()
    for record in tables.read_records(stream, source, config, columns):
        if isinstance(record, Refusal):
            sentence.refuse(record)
        elif sentence.goes_on_with(record.values[columns.sentence]):
            sentence.add(record, columns, config.max_row_bytes)
        else:
            yield from sentence.close(rows, source)
            sentence = sentence.next()
            sentence.add(record, columns, config.max_row_bytes)
    yield from sentence.close(rows, source)


def usual_columns(names: Sequence[str]) -> WordColumns | None:
    """The columns with usual names, None where one of the three is not there.

    >>> usual_columns(["Sentence #", "Word", "POS", "Tag"]).tag
    'Tag'
    """
    found = [_usual(field, names) for field in _USUAL_NAMES]
    return None if None in found else WordColumns(*map(str, found))


def check_columns(stream: BinaryIO, source: str, config: TaggedTableConfig) -> None:
    """Raises what `parse` would raise about the header, without reading on."""
    stream, names = tables.with_names(stream, source, config)
    tables.check_columns(stream, source, config, _columns(names, source, config))


def _columns(names: Sequence[str], source: str, config: TaggedTableConfig) -> WordColumns:
    """Columns that are set, and for the others those with usual names."""
    set_columns = {field: getattr(config, field) for field in _USUAL_NAMES}
    if all(set_columns.values()):
        return WordColumns(*set_columns.values())
    return WordColumns(*(name or _found(field, names, source) for field, name in set_columns.items()))


def _usual(field: str, names: Sequence[str]) -> str | None:
    by_name = {name.strip().lower(): name for name in names}
    return next((by_name[usual] for usual in _USUAL_NAMES[field] if usual in by_name), None)


def _found(field: str, names: Sequence[str], source: str) -> str:
    if (name := _usual(field, names)) is not None:
        return name
    what = {"sentence_column": "the sentence that a word is of", "word_column": "the word", "tag_column": "the tag"}
    raise DataError(
        f"{source}:1: which column has {what[field]}? Columns: {excerpt(', '.join(names))}. Set data.{field} to it."
    )


@dataclasses.dataclass
class _Sentence:
    """Words and tags of a sentence that is being read.

    Attributes:
        name: Value of its column; "" before any row with one.
        line: Line of its first row, None where there is none yet.
        refusal: Why it cannot be used: a row that belongs to it or to one beside it cannot be read.
        is_open: The row before the next one could not be read, so that it may have begun another sentence.
    """

    name: str = ""
    line: int | None = None
    words: list[str] = dataclasses.field(default_factory=list)
    tags: list[list[str]] = dataclasses.field(default_factory=list)
    size: int = 0
    refusal: Refusal | None = None
    is_open: bool = False
    is_too_long: bool = False

    def goes_on_with(self, name: str) -> bool:
        """Whether a row with this value is of the sentence."""
        return self.line is None or name in ("", self.name)

    def next(self) -> "_Sentence":
        """The sentence after this one."""
        return _Sentence(refusal=self.refusal if self.is_open else None)

    def refuse(self, refusal: Refusal) -> None:
        """Takes a row that cannot be read."""
        self.refusal = self.refusal or refusal
        self.is_open = True

    def add(self, record: Record, columns: WordColumns, limit: int) -> None:
        """Takes a row."""
        self.is_open = False
        self.line = record.line if self.line is None else self.line
        self.name = record.values[columns.sentence] or self.name
        self.size += len(record.values[columns.word]) + 1
        if self.size > limit:
            self.is_too_long = True
            self.words, self.tags = [], []
            return
        self.words.append(_word(record, columns.word))
        self.tags.append([record.values[columns.tag]])

    def close(self, rows: TaggedRows, source: str) -> Iterator[Row | Refusal]:
        """The row of the sentence, or why there is none; nothing before the first row."""
        if self.refusal is not None:
            shown = " ".join(self.words) or self.refusal.row
            detail = f"{self.refusal.detail} (line {self.refusal.line})"
            yield dataclasses.replace(self.refusal, line=self.line or self.refusal.line, detail=detail, row=shown)
        elif self.is_too_long and self.line is not None:
            refusal = Refusal.too_long(source, self.line, rows.limit)
            yield dataclasses.replace(refusal, detail=f"{refusal.detail}: '{excerpt(self.name)}' goes on and on")
        elif self.line is not None:
            try:
                yield rows.row(self.words, self.tags, line=self.line)
            except RowError as error:
                yield error.refusal(source, self.line, " ".join(self.words))


def _word(record: Record, column: str) -> str:
    """The word of a row; where it is white space, a space: an empty one is missing."""
    word = record.values[column]
    is_space = not word and any(part and not part.strip() for part in record.parts)
    return " " if is_space else word
