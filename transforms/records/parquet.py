"""Rows of Parquet files, as objects. A column of lists gives lists, one of structs objects."""

import contextlib
import json
import math
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.lines import escaped
from ulmfit_tfx.transforms.records.nested_fields import Fields, Found

_ROWS_AT_ONCE = 500
_BUFFER = 1 << 18
"""Bytes of a column that are read at once."""
_DESCRIPTION = b"huggingface"
"""Key of the metadata in which Hugging Face's datasets describe the columns."""


def read_rows(
    stream: BinaryIO, source: str, needed: Iterable[str] | None, row_groups: range | None = None
) -> Iterator[Found]:
    """Reads the rows of a file, the columns alone that are needed, and where one of these is missing all of them.

    Memory stays within some pages of each of those columns and a batch of rows.

    Args:
        stream: The file's bytes.
        source: The file's name, for errors.
        needed: Columns, or fields of structs as `column.field`. None: all, as JSON in `Found.row`, with their types.
        row_groups: Those that are read, by their numbers from 0. None: all.

    Yields:
        The rows, by their numbers in the file from 1.

    Raises:
        DataError: The file is damaged.
    """
    with _opened(seekable(stream), source) as file:
        groups = range(file.num_row_groups) if row_groups is None else row_groups
        line = sum(file.metadata.row_group(number).num_rows for number in range(groups.start))
        columns = None if needed is None else _columns(file.schema_arrow.names, needed)
        for batch in file.iter_batches(_ROWS_AT_ONCE, row_groups=groups, columns=columns, use_threads=False):
            rows = list(zip(*map(_values, batch.columns), strict=True)) if needed is None else ()
            for number, values in enumerate(zip(*map(_written_column, batch.columns), strict=True)):
                line += 1
                fields = Fields(zip(batch.schema.names, values, strict=True))
                whole = dict(zip(batch.schema.names, rows[number], strict=True)) if needed is None else None
                content = _as_json(fields) if whole is None else typed(whole)
                yield Found(line, fields, escaped(json.dumps(content, ensure_ascii=False)))


def row_group_sizes(stream: BinaryIO, source: str) -> list[int]:
    """Bytes of each row group of a file, decompressed.

    Args:
        stream: The file, which may be read anywhere.
        source: The file's name, for errors.

    Raises:
        DataError: The file is damaged.
    """
    with _opened(stream, source) as file:
        return [file.metadata.row_group(number).total_byte_size for number in range(file.num_row_groups)]


@contextlib.contextmanager
def _opened(stream: BinaryIO, source: str) -> Iterator[Any]:
    """A file while it is read. Its stream stays open."""
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        # With a buffer a column is read by pages, without one as the whole of a row group.
        with ParquetFile(stream, buffer_size=_BUFFER) as file:
            yield file
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError) as error:
        raise DataError(f"{source}: cannot be read as Parquet: {str(error).splitlines()[0]}.") from None


def class_names(stream: BinaryIO, source: str) -> dict[str, tuple[str, ...]]:
    """Names of the classes that stand as numbers in a file that Hugging Face's datasets wrote, by column.

    Args:
        stream: The file, which may be read anywhere. Is at its beginning afterwards.
        source: The file's name, for errors.

    Raises:
        DataError: The file is damaged.
    """
    with _opened(stream, source) as file:
        described = (file.schema_arrow.metadata or {}).get(_DESCRIPTION, b"{}")
    stream.seek(0)
    try:
        features = json.loads(described)["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    named = {column: _names_of(feature) for column, feature in features.items()} if isinstance(features, dict) else {}
    return {column: names for column, names in named.items() if names}


def _names_of(feature: Any) -> tuple[str, ...]:
    """Names of a class label, or of those in a list of such."""
    if isinstance(feature, list) and len(feature) == 1:
        return _names_of(feature[0])
    if not isinstance(feature, dict):
        return ()
    if feature.get("_type") == "ClassLabel":
        return tuple(map(str, feature.get("names") or ()))
    return _names_of(feature.get("feature"))


def seekable(stream: BinaryIO) -> BinaryIO:
    """A stream that may be read anywhere: the same, or a copy of it in a temporary file."""
    if stream.seekable():
        return stream
    copy = tempfile.TemporaryFile()  # noqa: SIM115: whoever reads it lets go of it
    shutil.copyfileobj(stream, copy)
    copy.seek(0)
    return copy


def _columns(names: Sequence[str], needed: Iterable[str]) -> list[str] | None:
    """Top-level columns to read, None for all."""
    found: dict[str, None] = {}
    for name in needed:
        own = [column for column in names if name == column or name.startswith(f"{column}.")]
        if not own:
            return None
        found |= dict.fromkeys(own)
    return [name for name in names if name in found]


def _written_column(column: Any) -> list[Any]:
    import pyarrow

    # As Python's float, a number of 32 bits would show digits that it does not have.
    is_short = pyarrow.types.is_float32(column.type) or pyarrow.types.is_float16(column.type)
    if is_short:
        return [None if math.isnan(value) else str(value) for value in column.to_numpy(zero_copy_only=False)]
    return [written(value) for value in _values(column)]


def _values(column: Any) -> list[Any]:
    """Values of a column as Python has them. Times that it has none for, such as in the year 10000, are texts."""
    import pyarrow

    try:
        return column.to_pylist()
    except (OverflowError, ValueError):
        return column.cast(pyarrow.string()).to_pylist()


def written(value: Any) -> Any:
    """A value as JSON would have it, numbers as they are written: None, a truth value, a text, a list or `Fields`.

    >>> written([1, 2.5, None, float("nan"), True, b"a"])
    ['1', '2.5', None, None, True, 'a']

    Pairs are what Arrow gives of a map, which is an object:

    >>> dict(written([("good", 0.5), ("bad", 0.25)]))
    {'good': '0.5', 'bad': '0.25'}
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else repr(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, dict):
        return Fields((name, written(inner)) for name, inner in value.items())
    if _is_map(value):
        return Fields((str(name), written(inner)) for name, inner in value)
    if isinstance(value, list):
        return [written(inner) for inner in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _is_map(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(inner, tuple) for inner in value)


def typed(value: Any) -> Any:
    """A value that JSON can have, numbers with their types; what it has none of as it is written."""
    if isinstance(value, dict):
        return {name: typed(inner) for name, inner in value.items()}
    if _is_map(value):
        return {str(name): typed(inner) for name, inner in value}
    if isinstance(value, list):
        return [typed(inner) for inner in value]
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return written(value)


def _as_json(value: Any) -> Any:
    if isinstance(value, Fields):
        return {name: _as_json(inner) for name, inner in value}
    return [_as_json(inner) for inner in value] if isinstance(value, list) else value
