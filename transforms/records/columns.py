"""Records of CSV (RFC 4180) and TSV with a header line, as values by column.

TSV knows no quoting: a quotation mark is a character like any other. In CSV a field in quotation marks may span lines.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.lines import bounded_lines, escaped, is_decoded, open_text
from ulmfit_tfx.transforms.records.record import Refusal
from ulmfit_tfx.transforms.records.record_fields import Record, missing_column

_Fields = tuple[int, list[str]]
"""Line that a record begins on, and its fields."""
_SPACE_BEFORE_QUOTES = re.compile(r' +".*"\s*$', re.DOTALL)


def read_records(
    stream: BinaryIO, source: str, config: SourceConfig, needed: Sequence[str]
) -> Iterator[Record | Refusal]:
    """Reads a file.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Format, encoding and bounds.
        needed: Columns that there have to be.

    Yields:
        One `Record` or `Refusal` a record, in the file's order. Blank lines are no records.

    Raises:
        DataError: The file is empty, or its header lacks a column.
    """
    records = _fields(stream, source, config)
    columns = _columns(next(records, None), source, config, needed)
    places = {column: columns.index(column) for column in needed}
    for record in records:
        if isinstance(record, Refusal):
            yield record
            continue
        line, fields = record
        if len(fields) != len(columns):
            detail = f"{len(fields)}, expected {len(columns)}"
            yield Refusal(source, line, "wrong number of columns", detail, escaped("\t".join(fields)))
            continue
        spaced = next((column for column, place in places.items() if _SPACE_BEFORE_QUOTES.match(fields[place])), None)
        if spaced is not None and config.format.endswith("csv"):
            detail = f"column '{spaced}': a field in quotation marks begins with the mark, right after the comma"
            yield Refusal(source, line, "space before a quotation mark", detail, escaped("\t".join(fields)))
            continue
        values = {column: fields[place].strip() for column, place in places.items()}
        if all(map(is_decoded, values.values())):
            yield Record(line, values, fields, names=columns)
        else:
            yield Refusal(source, line, f"not {config.encoding}", "undecodable bytes", escaped("\t".join(fields)))


def check_header(stream: BinaryIO, source: str, config: SourceConfig, needed: Sequence[str]) -> None:
    """Raises what `read_records` would raise about the header, without reading on."""
    _columns(next(_fields(stream, source, config), None), source, config, needed)


def _columns(header: _Fields | Refusal | None, source: str, config: SourceConfig, needed: Sequence[str]) -> list[str]:
    if header is None:
        raise DataError(f"{source}: the file is empty, expected a header line with column names.")
    if isinstance(header, Refusal):
        raise DataError(f"{source}:1: the header line cannot be read: {header.reason}: {header.detail}.")
    names = header[1]
    if not all(map(is_decoded, names)):
        raise DataError(
            f"{source}:1: the header line is not {config.encoding}. Set data.encoding, to latin-1 for example."
        )
    for column in needed:
        if names.count(column) > 1:
            raise DataError(f"{source}:1: there are {names.count(column)} columns '{column}'. Which one is meant?")
        if column not in names:
            raise missing_column(source, "column", column, names, "Is the header on line 1, and the format right?")
    return names


def _fields(stream: BinaryIO, source: str, config: SourceConfig) -> Iterator[_Fields | Refusal]:
    split = _csv_records if config.format.endswith("csv") else _tsv_records
    return split(open_text(stream, source, config.encoding), source, config.max_row_bytes)


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
    unclosed = 0  # of the lines that wait, those at whose end an earlier quotation mark was open that is never closed

    def feed() -> Iterator[str]:
        size = 0
        # A mark that such a line leaves open is not closed either: what follows it was read so before.
        while not (taken and unclosed):
            line = waiting.popleft() if waiting else next(lines, "")
            if line is None or size + len(line) > limit + 1:
                waiting.appendleft(line)
                return
            if not line:
                return
            size += len(line)
            taken.append(line)
            if "\0" in line:  # Python 3.10's reader says the same, later ones let it pass
                raise csv.Error("line contains NUL")
            yield line

    # Of the whole process, so never lowered: others read CSV too, such as Python's own list of installed packages.
    csv.field_size_limit(max(csv.field_size_limit(), limit + 1))
    while True:
        unclosed = max(unclosed - len(taken), 0)
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
            is_long = bool(waiting) and not unclosed
            detail = f"{error}, or longer than max_row_bytes={limit}" if is_long else str(error)
            refusal = Refusal(source, start, "malformed CSV", detail, escaped(taken[0].removesuffix("\n")))
            unclosed = unclosed or max(len(taken) - 1, 0)
            waiting.extendleft(reversed(taken[1:]))
            del taken[1:]
        number += len(taken)
        if refusal:
            yield refusal
        elif fields:
            yield start, fields
