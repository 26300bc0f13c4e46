"""CSV (RFC 4180) and TSV with a header line.

TSV knows no quoting: a quotation mark is a character like any other. In CSV a field in quotation marks may span lines.
"""

import csv
import difflib
import io
from collections import deque
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from ulmfit_tfx.schemas.config import LabelledSourceConfig, SourceConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.lines import bounded_lines, excerpt, is_decoded, open_text
from ulmfit_tfx.transforms.records.record import Refusal, Row

_Fields = tuple[int, list[str]]
"""Line that a record begins on, and its fields."""


def parse(stream: BinaryIO, source: str, config: SourceConfig) -> Iterator[Row | Refusal]:
    """Parses a file of labelled or unlabelled rows.

    With `text_column: review`, `label_column: stars` and the names `{5: good}`, the rows

        review,stars
        "Fine, really",5

    give `Row(text="Fine, really", label="good")`.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Columns, labels, encoding and bounds.

    Yields:
        One `Row` or `Refusal` a record, in the file's order. Blank lines are no records.

    Raises:
        DataError: The file is empty, or its header lacks a column.
    """
    records = _records(stream, source, config)
    columns = _columns(next(records, None), source, config)
    for record in records:
        yield record if isinstance(record, Refusal) else _row(record, columns, source, config)


def check_header(stream: BinaryIO, source: str, config: SourceConfig) -> None:
    """Raises what `parse` would raise about the header, without reading on."""
    _columns(next(_records(stream, source, config), None), source, config)


def _columns(header: _Fields | Refusal | None, source: str, config: SourceConfig) -> list[str]:
    if header is None:
        raise DataError(f"{source}: the file is empty, expected a header line with column names.")
    if isinstance(header, Refusal):
        raise DataError(f"{source}:1: the header line cannot be read: {header.reason}: {header.detail}.")
    names = header[1]
    if not all(map(is_decoded, names)):
        raise DataError(
            f"{source}:1: the header line is not {config.encoding}. Set data.encoding, to latin-1 for example."
        )
    wanted = [config.text_column]
    if isinstance(config, LabelledSourceConfig):
        wanted.append(config.label_column)
    for column in wanted:
        if names.count(column) > 1:
            raise DataError(f"{source}:1: there are {names.count(column)} columns '{column}'. Which one is meant?")
        if column not in names:
            near = difflib.get_close_matches(column, names, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else " Is the header on line 1, and the format right?"
            raise DataError(f"{source}:1: there is no column '{column}'. Columns: {excerpt(', '.join(names))}.{hint}")
    return names


def _records(stream: BinaryIO, source: str, config: SourceConfig) -> Iterator[_Fields | Refusal]:
    split = _csv_records if config.format == "csv" else _tsv_records
    return split(open_text(stream, config.encoding), source, config.max_row_bytes)


def _tsv_records(text: io.TextIOBase, source: str, limit: int) -> Iterator[_Fields | Refusal]:
    for number, line in enumerate(bounded_lines(text, limit), start=1):
        if line is None:
            yield Refusal.too_long(source, number, limit)
        elif line.strip("\n"):
            yield number, line.removesuffix("\n").split("\t")


def _csv_records(text: io.TextIOBase, source: str, limit: int) -> Iterator[_Fields | Refusal]:
    """Splits CSV, giving up on a quotation mark that is not closed within `limit` characters.

    Only the line with that mark is then refused; the lines that it would have swallowed are read as rows again. A row
    that really is that long cannot be told from a mark forgotten, so its refusal names both.
    """
    lines = bounded_lines(text, limit)
    number = 0
    waiting: deque[str | None] = deque()
    taken: list[str] = []

    def feed() -> Iterator[str]:
        size = 0
        while True:
            line = waiting.popleft() if waiting else next(lines, "")
            if line is None or size + len(line) > limit + 1:
                waiting.appendleft(line)
                return
            if not line:
                return
            size += len(line)
            taken.append(line)
            yield line

    csv.field_size_limit(limit + 1)
    while True:
        taken.clear()
        start = number + 1
        refusal: Refusal | None = None
        fields: list[str] = []
        try:
            fields = next(csv.reader(feed(), strict=True))
        except StopIteration:
            if not waiting:
                return
            waiting.popleft()
            number += 1
            yield Refusal.too_long(source, start, limit)
            continue
        except csv.Error as error:
            detail = f"{error}, or longer than max_row_bytes={limit}" if waiting else str(error)
            refusal = Refusal(source, start, "malformed CSV", detail, excerpt(taken[0]))
            waiting.extendleft(reversed(taken[1:]))
            del taken[1:]
        number += len(taken)
        if refusal:
            yield refusal
        elif fields:
            yield start, fields


def _row(record: _Fields, columns: Sequence[str], source: str, config: SourceConfig) -> Row | Refusal:
    line, fields = record

    def refuse(reason: str, detail: str) -> Refusal:
        return Refusal(source, line, reason, detail, excerpt("\t".join(fields)))

    if len(fields) != len(columns):
        return refuse("wrong number of columns", f"{len(fields)}, expected {len(columns)}")
    text = fields[columns.index(config.text_column)].strip()
    label = fields[columns.index(config.label_column)].strip() if isinstance(config, LabelledSourceConfig) else None
    if not is_decoded(text) or not is_decoded(label or ""):
        return refuse(f"not {config.encoding}", "undecodable bytes")
    if len(text.encode()) > config.max_row_bytes:
        return Refusal.too_long(source, line, config.max_row_bytes)
    if not text:
        return refuse("empty text", f"column '{config.text_column}'")
    if not isinstance(config, LabelledSourceConfig):
        return Row(text)
    if not label:
        return refuse("empty label", f"column '{config.label_column}'")
    if config.labels is not None and label not in config.labels:
        return refuse("unknown label", f"'{excerpt(label)}', expected one of {', '.join(config.labels)}")
    return Row(text, config.label_names.get(label, label))
