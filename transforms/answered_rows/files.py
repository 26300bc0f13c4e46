"""Writes rows with their answers as CSV, TSV, JSON Lines or Parquet, as they come."""

import abc
import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.transforms.answered_rows.answered import AnsweredRow, flat, to_json
from ulmfit_tfx.transforms.answered_rows.layout import Kind, Layout

JSON_LINES = ".jsonl"
_TYPES: Mapping[Kind, str] = {"text": "string", "integer": "int64", "number": "float64", "truth": "bool"}
"""Of Arrow, by name."""


class RowsFile(abc.ABC):
    """A file that rows are written to."""

    def __init__(self, file: IO[Any], layout: Layout):
        self.file = file
        self.layout = layout
        self.kinds = layout.kinds

    @abc.abstractmethod
    def write(self, rows: Sequence[AnsweredRow]) -> None:
        """Adds rows."""

    def close(self) -> None:
        """Ends the file's content."""
        return


class _Delimited(RowsFile):
    dialect = "excel"

    def __init__(self, file: IO[Any], layout: Layout):
        super().__init__(file, layout)
        self.writer = csv.writer(_LineFeeds(file), dialect=self.dialect)
        self.writer.writerow(self.kinds)

    def write(self, rows: Sequence[AnsweredRow]) -> None:
        self.writer.writerows(map(as_text, flat(row, self.layout).values()) for row in rows)


class _LineFeeds:
    r"""Ends rows with `\n`. A writer that is to do so itself leaves a lone `\r` in a text without quotation marks."""

    def __init__(self, file: IO[str]):
        self.file = file

    def write(self, row: str) -> int:
        return self.file.write(row.removesuffix("\r\n") + "\n")


class _TabDelimited(_Delimited):
    dialect = "excel-tab"


class _JsonLines(RowsFile):
    def write(self, rows: Sequence[AnsweredRow]) -> None:
        self.file.writelines(f"{to_json(flat(row, self.layout))}\n" for row in rows)


class _Parquet(RowsFile):
    """Each call of `write` gives a row group."""

    def __init__(self, file: IO[Any], layout: Layout):
        super().__init__(file, layout)
        import pyarrow  # a command's help does not wait for it
        from pyarrow.parquet import ParquetWriter

        self.schema = pyarrow.schema([(name, _TYPES[kind]) for name, kind in self.kinds.items()])
        self.writer = ParquetWriter(file, self.schema)

    def write(self, rows: Sequence[AnsweredRow]) -> None:
        import pyarrow

        values = [flat(row, self.layout) for row in rows]
        columns = [
            pyarrow.array([_of_kind(row[name], kind) for row in values], type=_TYPES[kind])
            for name, kind in self.kinds.items()
        ]
        self.writer.write_table(pyarrow.Table.from_arrays(columns, schema=self.schema))

    def close(self) -> None:
        self.writer.close()


_KINDS: Mapping[str, type[RowsFile]] = {
    ".csv": _Delimited,
    ".tsv": _TabDelimited,
    JSON_LINES: _JsonLines,
    ".parquet": _Parquet,
}


SUFFIXES = tuple(_KINDS)
"""Of the formats."""


def is_table(path: Path) -> bool:
    """Whether a file has columns of single values; JSON Lines have what the model says as objects and lists.

    Raises:
        ConfigError: The name ends with none of the formats.
    """
    return _suffix(path) != JSON_LINES


@contextmanager
def rows_file(path: Path, layout: Layout) -> Iterator[RowsFile]:
    """Opens a file by its suffix. Until all is written, an earlier file of that name stays.

    Args:
        path: Its folder is made.
        layout: The columns.

    Raises:
        ConfigError: The name ends with none of the formats, or the file cannot be written.
        DataError: See `Layout.names`.
    """
    kind = _KINDS[_suffix(path)]
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_binary = kind is _Parquet
        with unfinished.open("wb") if is_binary else unfinished.open("w", encoding="utf-8", newline="") as file:
            written = kind(file, layout)
            yield written
            written.close()
        unfinished.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}.") from None
    finally:
        with suppress(OSError):  # such as that there is none
            unfinished.unlink()


def as_text(value: Any) -> str:
    """A value as a cell of CSV: empty where there is none, JSON of all that is no text or number.

    >>> [as_text(value) for value in ("a, b", None, 0.5, 7, True, ["a", "b"])]
    ['a, b', '', '0.5', '7', 'true', '["a", "b"]']
    """
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _of_kind(value: Any, kind: Kind) -> Any:
    if value is None:
        return None
    return as_text(value) if kind == "text" else value


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in _KINDS:
        *others, last = _KINDS
        raise ConfigError(f"{path}: is written by its suffix, expected {', '.join(others)} or {last}.")
    return suffix
