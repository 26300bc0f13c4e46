"""Tables of texts, with the values that are to be marked in them."""

from collections.abc import Iterator
from typing import BinaryIO

from ulmfit_tfx.schemas.config.sources.table import DELIMITED
from ulmfit_tfx.schemas.config.sources.tagged_words import TaggedSpansConfig
from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records import tables
from ulmfit_tfx.transforms.records.label_studio import are_marks_in_cell
from ulmfit_tfx.transforms.records.lines import excerpt
from ulmfit_tfx.transforms.records.marked_text import Mark, words_and_tags
from ulmfit_tfx.transforms.records.record import Refusal, Row, RowError
from ulmfit_tfx.transforms.records.record_fields import (
    Record,
    key_of,
    named_split,
    shared_columns,
    slices_of,
    text_of,
)
from ulmfit_tfx.transforms.records.tagged_rows import TaggedRows


def parse(stream: BinaryIO, source: str, config: TaggedSpansConfig, tagging: TagsConfig) -> Iterator[Row | Refusal]:
    """Parses a file of texts with marked values.

    With `spans_column: brand`, `span_label: BRAND` and `span_separator: "*"`, the rows

        text                        brand
        Acme Corp sells bolts       Acme Corp
        Foo and Bar                 Foo*Bar
        Nothing here                NULL

    give `Row(text="Acme Corp sells bolts", words=("Acme", "Corp", "sells", "bolts"), tags=("B-BRAND", "I-BRAND", "O",
    "O"))` and so on. A value is marked where it occurs first apart from other values, as whole words if it does so at
    all. The longest value comes first.

    The old package marked the pieces of words in three ways, which are here settings of `tagging`:

    - `B-` on all pieces of the first word, then `I-`: `scheme: bio` and `alignment: all_pieces`;
    - `B-` on the first piece, then `I-`: `scheme: bio` and `alignment: first_piece`;
    - the same tag on all pieces: `scheme: plain`.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Columns, labels, encoding and bounds.
        tagging: The scheme of the tags, and how texts are cut into words.

    Yields:
        One `Row` or `Refusal` a record, in the file's order. Blank lines are no records.

    Raises:
        DataError: The file is empty, or its header lacks a column.
    """
    rows = TaggedRows(config, tagging)
    for record in tables.read_records(stream, source, config, needed_columns(config)):
        if isinstance(record, Refusal):
            yield record
            continue
        try:
            text = text_of(record, config.text_column, config.max_row_bytes)
            words, tags = words_and_tags(text, _marks(text, record, config), tagging)
            split, slices, key = named_split(record, config), slices_of(record, config), key_of(record, config)
            yield rows.row(words, tags, split, slices, key, written=text, line=record.line)
        except RowError as error:
            yield error.refusal(source, record.line, record.row)


def needed_columns(config: TaggedSpansConfig) -> list[str]:
    """Columns that the header has to name."""
    label = [] if config.span_label_column is None else [config.span_label_column]
    return [config.text_column, config.spans_column, *label, *shared_columns(config)]


def _marks(text: str, record: Record, config: TaggedSpansConfig) -> list[Mark]:
    values = _values(record.values[config.spans_column], config)
    label = config.span_label if config.span_label_column is None else record.values[config.span_label_column]
    if values and not label:
        raise RowError("empty label", f"column '{config.span_label_column}'")
    marks: list[Mark] = []
    places = _Places(text)
    for value in sorted(values, key=len, reverse=True):
        start = places.take(value)
        if start is None:
            times = "as often as it is listed" if value in text else "as it stands"
            raise RowError("value not in text", f"'{excerpt(value)}' of column '{config.spans_column}', {times}")
        marks.append(Mark(start, start + len(value), label))
    return marks


def _values(cell: str, config: TaggedSpansConfig) -> list[str]:
    if cell == config.no_span:
        return []
    if are_marks_in_cell(cell) and config.format in DELIMITED:
        column, kind = config.spans_column, config.format.removeprefix("spans_")
        raise DataError(
            f"{config.path}: column '{column}' has marks as JSON, as in Label Studio's {kind.upper()}. Set data.format "
            f"to label_studio_{kind}, data.label_controls to [{column}], and leave data.spans_column out."
        )
    return [value for value in map(str.strip, cell.split(config.span_separator)) if value]


class _Places:
    """Places of a text, of which each is taken once."""

    def __init__(self, text: str):
        self.text = text
        self.taken = bytearray(len(text))
        self.searched: dict[tuple[str, bool], int] = {}
        """How far a value was searched for: what was taken, or was no whole word, stays so."""

    def take(self, value: str) -> int | None:
        """Takes a value's first free occurrence of whole words, or else its first free one; returns its beginning."""
        start = self._find(value, as_words=True)
        if start is None:
            start = self._find(value, as_words=False)
        if start is not None:
            self.taken[start : start + len(value)] = b"\1" * len(value)
        return start

    def _find(self, value: str, as_words: bool) -> int | None:
        start = self.text.find(value, self.searched.get((value, as_words), 0))
        while start >= 0 and not self._is_free(start, start + len(value), as_words):
            start = self.text.find(value, start + 1)
        self.searched[value, as_words] = start if start >= 0 else len(self.text)
        return start if start >= 0 else None

    def _is_free(self, start: int, end: int, as_words: bool) -> bool:
        if as_words and (self.text[start - 1 : start].isalnum() or self.text[end : end + 1].isalnum()):
            return False
        return self.taken.find(1, start, end) < 0
