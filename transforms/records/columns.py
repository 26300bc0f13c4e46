"""Records of CSV (RFC 4180), TSV and other delimited text, as values by column.

In CSV a field in quotation marks may span lines. In TSV a quotation mark is a character like any other, unless the file
shows that it was written as CSV is, see `dialects`.
"""

import codecs
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import BinaryIO

from ulmfit_tfx.schemas.config.sources.labelled_texts import ClassifiedTextsConfig
from ulmfit_tfx.schemas.config.sources.table import TableConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.delimited import Dialect, Fields, Quoting, split_records
from ulmfit_tfx.transforms.records.dialects import dialect_of, read_lines
from ulmfit_tfx.transforms.records.encodings import encoding_hint
from ulmfit_tfx.transforms.records.labelled_lines import how_to_read
from ulmfit_tfx.transforms.records.lines import escaped, is_decoded
from ulmfit_tfx.transforms.records.record import Refusal
from ulmfit_tfx.transforms.records.record_fields import Record, missing_column
from ulmfit_tfx.transforms.records.unnamed_columns import as_columns, is_a_row

_LOOKED_AT = 100
"""Rows below the first line that tell whether it is a row too."""


def read_records(
    stream: BinaryIO, source: str, config: TableConfig, needed: Sequence[str]
) -> Iterator[Record | Refusal]:
    """Reads a file.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Format, dialect, encoding and bounds.
        needed: Columns that there have to be.

    Yields:
        One `Record` or `Refusal` a record, in the file's order. Blank lines are no records.

    Raises:
        DataError: The file is empty, or its header lacks a column.
    """
    columns, records = _opened(stream, source, config, needed)
    places = {column: columns.index(column) for column in needed}
    for record in records:
        if isinstance(record, Refusal):
            yield record
            continue
        line, fields, spaced_places = record
        if len(fields) != len(columns):
            detail = f"{len(fields)}, expected {len(columns)}"
            yield Refusal(source, line, "wrong number of columns", detail, escaped("\t".join(fields)))
            continue
        spaced = next((column for column, place in places.items() if place in spaced_places), None)
        if spaced is not None:
            detail = f"column '{spaced}': a field in quotation marks begins with the mark, right after the delimiter"
            yield Refusal(source, line, "space before a quotation mark", detail, escaped("\t".join(fields)))
            continue
        values = {column: fields[place].strip() for column, place in places.items()}
        if all(map(is_decoded, values.values())):
            yield Record(line, values, fields, names=columns)
        else:
            yield Refusal(source, line, f"not {config.encoding}", "undecodable bytes", escaped("\t".join(fields)))


def check_header(stream: BinaryIO, source: str, config: TableConfig, needed: Sequence[str]) -> None:
    """Raises what `read_records` would raise about the header, without reading on."""
    _opened(stream, source, config, needed)


def _opened(
    stream: BinaryIO, source: str, config: TableConfig, needed: Sequence[str]
) -> tuple[Sequence[str], Iterator[Fields | Refusal]]:
    """Names of the columns, and the records below the header, where there is one."""
    lines = read_lines(stream, source, config)
    dialect = dialect_of(lines, config, needed)
    if config.columns is not None:
        if column := next((column for column in needed if column not in config.columns), None):
            raise DataError(f"data.columns is {list(config.columns)}, and lacks '{column}', which is read.")
        records = split_records(lines, source, config.max_row_bytes, dialect, len(config.columns))
        return config.columns, _without_header(records, source, config.columns)
    quoting = Quoting.NONE if dialect.quoting in (Quoting.UNKNOWN, Quoting.MOSTLY_NONE) else dialect.quoting
    header = next(split_records(lines, source, config.max_row_bytes, Dialect(dialect.delimiter, quoting)), None)
    names = _names(header, source, config)
    records = split_records(lines, source, config.max_row_bytes, dialect, len(names))
    for column in needed:
        if names.count(column) > 1:
            raise DataError(f"{source}:1: there are {names.count(column)} columns '{column}'. Which one is meant?")
        if column not in names:
            raise _missing(source, config, column, names, needed, dialect, records)
    return names, records


def _names(header: Fields | Refusal | None, source: str, config: TableConfig) -> list[str]:
    if header is None:
        raise DataError(f"{source}: the file is empty, expected a header line with column names.")
    if isinstance(header, Refusal):
        raise DataError(f"{source}:1: the header line cannot be read: {header.reason}: {header.detail}.")
    if not all(map(is_decoded, header.values)):
        is_utf8 = codecs.lookup(config.encoding).name.startswith("utf-8")  # of which the bytes can be had again
        hint = encoding_hint(["\t".join(header.values).encode("utf-8", "surrogateescape")]) if is_utf8 else ""
        hint = hint or " Set data.encoding, to cp1252 for example."
        raise DataError(f"{source}:1: the header line is not {config.encoding}.{hint}")
    return header.values


def _without_header(
    records: Iterator[Fields | Refusal], source: str, columns: Sequence[str]
) -> Iterator[Fields | Refusal]:
    for number, record in enumerate(records):
        if number == 0 and not isinstance(record, Refusal) and [field.strip() for field in record.values] == [*columns]:
            raise DataError(
                f"{source}:{record.line}: the first line names the columns, as data.columns does: leave data.columns "
                "out."
            )
        yield record


def _missing(
    source: str,
    config: TableConfig,
    column: str,
    names: Sequence[str],
    needed: Sequence[str],
    dialect: Dialect,
    records: Iterator[Fields | Refusal],
) -> DataError:
    rows = [record.values for record in islice(records, _LOOKED_AT) if not isinstance(record, Refusal)]
    is_table = len(names) > 1 and all(len(row) == len(names) for row in rows)
    lines = [dialect.delimiter.join(row) for row in (names, *rows)]
    if isinstance(config, ClassifiedTextsConfig) and not is_table and (hint := how_to_read(lines)):
        return DataError(f"{source}:1: there is no column '{column}'. {hint}")
    rows = [row for row in rows if len(row) == len(names)]
    if is_a_row(names, rows, needed):
        shown = ", ".join(as_columns([names, *rows], needed))
        return DataError(
            f"{source}:1: there is no column '{column}', and the first line looks like a row. Where a file has no "
            f"header, name its columns in their order: data.columns: [{shown}]"
        )
    hint = "Is the header on line 1, and the format right?"
    if len(names) == 1:
        hint += " What stands between the fields can be set as data.delimiter."
    return missing_column(source, "column", column, names, hint)
