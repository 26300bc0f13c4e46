"""Reads objects of which it is not known yet what fields they have: JSON Lines, a JSON list, Parquet, a workbook."""

import io
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

from ulmfit_tfx.components.corpus_ingest.source_files import open_file
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.lines import open_text

_LOOKED_AT = 100
_ROWS_AT_ONCE = 1_000

Values = tuple[dict[str, str], frozenset[str]]
"""Texts by field, and the fields whose values were lists."""


def read_values(file: str, format: str, encoding: str = "utf-8") -> Iterator[Values]:
    """Reads a file's objects; what is no object is passed over.

    Args:
        file: Local or remote.
        format: `jsonl`, `json`, `parquet` or `xlsx`.
        encoding: Of texts.

    Raises:
        DataError: What reads it is not installed, or it is damaged.
    """
    with open_file(file) as stream:
        try:
            for found in _READERS[format](stream, file, encoding):
                yield values_of(found)
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(f"{file}: cannot be read: {error}.") from None


def columns_of(file: str, format: str, encoding: str = "utf-8") -> tuple[str, ...]:
    """Names of the fields of the first objects, those inside of others with a dot."""
    first = itertools.islice(read_values(file, format, encoding), _LOOKED_AT)
    return tuple(dict.fromkeys(name for values, _ in first for name in values))


def values_of(found: Mapping[str, Any]) -> Values:
    """Single values and lists of these, as texts; those inside of objects with a dot in their name.

    >>> values_of({"id": 7, "meta": {"stars": 5}, "tags": ["a", "b"]})
    ({'id': '7', 'meta.stars': '5', 'tags': 'a, b'}, frozenset({'tags'}))
    """
    values: dict[str, str] = {}
    lists: set[str] = set()
    for name, value in found.items():
        if isinstance(value, Mapping):
            below, lists_below = values_of(value)
            values |= {f"{name}.{inner}": text for inner, text in below.items()}
            lists |= {f"{name}.{inner}" for inner in lists_below}
        elif not isinstance(value, list):
            values[str(name)] = _text(value)
        elif not any(isinstance(each, dict | list) for each in value):
            values[str(name)] = ", ".join(map(_text, value))
            lists.add(str(name))
    return values, frozenset(lists)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


def _json_lines(stream: BinaryIO, file: str, encoding: str) -> Iterator[dict[str, Any]]:
    for line in open_text(stream, file, encoding):
        try:
            found = json.loads(line.removeprefix("\ufeff"), parse_float=str, parse_int=str)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found


def _json_list(stream: BinaryIO, file: str, encoding: str) -> Iterator[dict[str, Any]]:
    content = open_text(stream, file, encoding).read().removeprefix("\ufeff")
    items = json.loads(content, parse_float=str, parse_int=str)
    yield from (item for item in items if isinstance(item, dict))


def _parquet(stream: BinaryIO, file: str, _: str) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as parquet

    for batch in parquet.ParquetFile(stream).iter_batches(_ROWS_AT_ONCE):
        yield from batch.to_pylist()


def _workbook(stream: BinaryIO, file: str, _: str) -> Iterator[dict[str, Any]]:
    try:
        import openpyxl
    except ImportError:
        raise DataError(f"{file}: is an Excel workbook, and openpyxl is not installed. Save it as CSV.") from None
    sheet = openpyxl.load_workbook(io.BytesIO(stream.read()), read_only=True, data_only=True).worksheets[0]
    rows = sheet.iter_rows(values_only=True)
    header = next(rows, ())
    for row in rows:
        yield {str(name): value for name, value in zip(header, row, strict=False) if name is not None}


_READERS: dict[str, Callable[[BinaryIO, str, str], Iterator[dict[str, Any]]]] = {
    "jsonl": _json_lines,
    "json": _json_list,
    "parquet": _parquet,
    "xlsx": _workbook,
}
FORMATS = frozenset(_READERS)
