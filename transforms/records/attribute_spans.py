"""CSV and TSV of texts, with the values that are to be marked in them."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from ulmfit_tfx.schemas.config import TaggingConfig
from ulmfit_tfx.schemas.source_config import LabelledSourceConfig
from ulmfit_tfx.transforms.records.columns import read_records
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


def parse(
    stream: BinaryIO, source: str, config: LabelledSourceConfig, tagging: TaggingConfig
) -> Iterator[Row | Refusal]:
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
    for record in read_records(stream, source, config, needed_columns(config)):
        if isinstance(record, Refusal):
            yield record
            continue
        try:
            text = text_of(record, config.text_column, config.max_row_bytes)
            words, tags = words_and_tags(text, _marks(text, record, config), tagging)
            split, slices, key = named_split(record, config), slices_of(record, config), key_of(record, config)
            yield rows.row(words, tags, split, slices, key)
        except RowError as error:
            yield error.refusal(source, record.line, record.row)


def needed_columns(config: LabelledSourceConfig) -> list[str]:
    """Columns that the header has to name."""
    label = [] if config.span_label_column is None else [config.span_label_column]
    return [config.text_column, config.spans_column, *label, *shared_columns(config)]


def _marks(text: str, record: Record, config: LabelledSourceConfig) -> list[Mark]:
    values = _values(record.values[config.spans_column], config)
    label = config.span_label if config.span_label_column is None else record.values[config.span_label_column]
    if values and not label:
        raise RowError("empty label", f"column '{config.span_label_column}'")
    marks: list[Mark] = []
    for value in sorted(values, key=len, reverse=True):
        start = _place(text, value, marks)
        if start is None:
            times = "as often as it is listed" if value in text else "as it stands"
            raise RowError("value not in text", f"'{excerpt(value)}' of column '{config.spans_column}', {times}")
        marks.append(Mark(start, start + len(value), label))
    return marks


def _values(cell: str, config: LabelledSourceConfig) -> list[str]:
    if cell == config.no_span:
        return []
    return [value for value in map(str.strip, cell.split(config.span_separator)) if value]


def _place(text: str, value: str, taken: Sequence[Mark]) -> int | None:
    """Where a value begins: at its first occurrence of whole words outside of what is taken, or at its first one."""
    first = None
    start = text.find(value)
    while start >= 0:
        end = start + len(value)
        if all(end <= mark.start or mark.end <= start for mark in taken):
            if not text[start - 1 : start].isalnum() and not text[end : end + 1].isalnum():
                return start
            first = start if first is None else first
        start = text.find(value, start + 1)
    return first
