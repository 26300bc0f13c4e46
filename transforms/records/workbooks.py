"""Rows of a sheet of an Excel workbook (.xlsx), as objects. The first row with values names the columns."""

import itertools
import json
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.lines import escaped, excerpt
from ulmfit_tfx.transforms.records.nested_fields import Fields, Found
from ulmfit_tfx.transforms.records.parquet import seekable, typed, written

LARGEST = 1 << 30
"""Bytes of all parts of a workbook: its texts stand in one of them, which is read into memory."""
_ERRORS = frozenset(("#N/A", "#VALUE!", "#REF!", "#DIV/0!", "#NUM!", "#NAME?", "#NULL!"))
"""What stands in a cell whose formula failed."""


def read_rows(stream: BinaryIO, source: str, sheet: str | None = None) -> Iterator[Found]:
    """Reads the rows below the header. Rows without values are none.

    Args:
        stream: The file's bytes.
        source: The file's name, for errors.
        sheet: Name of the sheet. None: the first one.

    Yields:
        The rows, by their numbers in the sheet, from 1. Of formulas what they gave when the workbook was saved.

    Raises:
        DataError: openpyxl is not installed, there is no such sheet, or the file is damaged or over `LARGEST`.
    """
    try:
        import openpyxl
    except ImportError:
        raise DataError(
            f"{source}: needs the Python package openpyxl. It comes with `pip install ulmfit-tfx[xlsx]`."
        ) from None
    stream = seekable(stream)
    try:
        _check_size(stream, source)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it leaves out, such as styles of other programs
            workbook = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        yield from _rows(_sheet(workbook, source, sheet), source)
    except (zipfile.BadZipFile, KeyError, ValueError, ParseError, EOFError, OSError) as error:
        raise DataError(f"{source}: cannot be read as an Excel workbook: {error}.") from None


def _check_size(stream: BinaryIO, source: str) -> None:
    size = sum(info.file_size for info in zipfile.ZipFile(stream).infolist())
    stream.seek(0)
    if size > LARGEST:
        raise DataError(
            f"{source}: unpacks to {size >> 20:,} MiB, and workbooks are read up to {LARGEST >> 20:,} MiB. Save it as "
            "CSV or Parquet."
        )


def _sheet(workbook: Any, source: str, sheet: str | None) -> Any:
    sheets = {each.title: each for each in workbook.worksheets}
    if not sheets:
        raise DataError(f"{source}: the workbook has no sheet with cells.")
    if sheet is not None and sheet not in sheets:
        raise DataError(f"{source}: there is no sheet '{sheet}'. Sheets: {excerpt(', '.join(sheets))}.")
    found = sheets[sheet] if sheet is not None else next(iter(sheets.values()))
    found.reset_dimensions()  # some programs write wrong ones
    return found


def _rows(sheet: Any, source: str) -> Iterator[Found]:
    names: list[str] = []
    for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
        values = [_value(cell) for cell in cells]
        if not any(value is not None for value in values):
            continue
        if not names:
            names = [str(value or "").strip() for value in values]
            _check_names(names, source, line)
            continue
        values += [None] * (len(names) - len(values))
        fields = Fields((name, value) for name, value in zip(names, values, strict=False) if name)
        whole = {name: None if value is None else typed(cell) for name, value, cell in _named(names, values, cells)}
        yield Found(line, fields, escaped(json.dumps(whole, ensure_ascii=False)))


def _named(names: Sequence[str], values: Sequence[Any], cells: Sequence[Any]) -> Iterator[tuple[str, Any, Any]]:
    """What is below a name of the header."""
    return (each for each in itertools.zip_longest(names, values, cells) if each[0])


def _check_names(names: list[str], source: str, line: int) -> None:
    repeated = next((name for name in names if name and names.count(name) > 1), None)
    if repeated is not None:
        raise DataError(f"{source}:{line}: there are {names.count(repeated)} columns '{repeated}'. Which one is meant?")


def _value(cell: Any) -> Any:
    value = written(cell)
    return None if value in _ERRORS or value == "" else value
