"""Tables of any kind, delimited text, workbooks and Parquet: names of the columns, and records."""

import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from ulmfit_tfx.schemas.config.sources.table import DELIMITED, TableConfig
from ulmfit_tfx.transforms.records import columns, objects
from ulmfit_tfx.transforms.records.header_names import HEADER_BYTES, names_of
from ulmfit_tfx.transforms.records.joined_stream import JoinedStream
from ulmfit_tfx.transforms.records.nested_fields import Found
from ulmfit_tfx.transforms.records.parquet import seekable
from ulmfit_tfx.transforms.records.record import Refusal
from ulmfit_tfx.transforms.records.record_fields import Record


def read_records(
    stream: BinaryIO, source: str, config: TableConfig, needed: Sequence[str]
) -> Iterator[Record | Refusal]:
    """Reads a file, see `columns.read_records` and `objects.read_records`."""
    reads = columns.read_records if config.format in DELIMITED else objects.read_records
    return reads(stream, source, config, needed)


def check_columns(stream: BinaryIO, source: str, config: TableConfig, needed: Sequence[str]) -> None:
    """Demands that there are some columns.

    Raises:
        DataError: A header lacks one, or the first rows do.
    """
    check = columns.check_header if config.format in DELIMITED else objects.check_fields
    check(stream, source, config, needed)


def with_names(stream: BinaryIO, source: str, config: TableConfig) -> tuple[BinaryIO, Sequence[str]]:
    """A file at its beginning, and the names of its columns: set ones, or those that it has.

    Of delimited text whatever stands between the fields: that is found when the file is read.
    """
    if config.columns is not None:
        return stream, config.columns
    if config.format in DELIMITED:
        start = stream.read(HEADER_BYTES)
        return io.BufferedReader(JoinedStream(start, stream)), names_of(start, source, config.encoding)
    stream = seekable(stream)
    first = next((row for row in objects.read_objects(stream, source, config, None) if isinstance(row, Found)), None)
    stream.seek(0)
    return stream, [] if first is None else list(first.fields.names())
