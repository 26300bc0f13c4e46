"""Records of objects: of JSON Lines, JSON, Parquet and Excel workbooks, as texts by field."""

import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import BinaryIO

from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.table import container_of
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records import json_objects, parquet, workbooks
from ulmfit_tfx.transforms.records.nested_fields import Found, record_of
from ulmfit_tfx.transforms.records.record import Refusal, RowError
from ulmfit_tfx.transforms.records.record_fields import Record, missing_column

_LOOKED_AT = 100
"""Objects in which a field has to be found once."""
_START = 1 << 10
_LIST_OF_OBJECTS = re.compile(r"\[\s*\{")


def read_objects(
    stream: BinaryIO, source: str, config: SourceConfig, needed: Sequence[str] | None, row_groups: range | None = None
) -> Iterator[Found | Refusal]:
    """Reads the objects of a file.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Format, encoding and bounds.
        needed: Fields that are read, where others can be left out. None: all.
        row_groups: Of Parquet, those that are read. None: all.

    Yields:
        One object or `Refusal` a row, in the file's order.

    Raises:
        DataError: The file as a whole cannot be read as configured.
    """
    container = container_of(config.format)
    if container == "parquet":
        return parquet.read_rows(stream, source, needed, row_groups)
    if container == "xlsx":
        return workbooks.read_rows(stream, source, getattr(config, "sheet", None))
    return (json_objects.read_json if config.format == "json" else json_objects.read_json_lines)(stream, source, config)


def read_records(
    stream: BinaryIO,
    source: str,
    config: SourceConfig,
    needed: Sequence[str],
    list_field: str | None = None,
    keep_all: bool = False,
    row_groups: range | None = None,
    object_field: str | None = None,
) -> Iterator[Record | Refusal]:
    """Reads a file.

    With `needed=["text", "meta.stars"]` the line

        {"id": 7, "text": "Fine", "meta": {"stars": 5.0}}

    gives a record with the values `{"text": "Fine", "meta.stars": "5.0"}`. Numbers, `true` and `false` are taken as
    they are written, `null` for an empty text. A field whose own name has the dot goes before one inside of an object.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Format, encoding and bounds.
        needed: Fields that every object has to have.
        list_field: One of them, whose value may be a list of texts and numbers.
        keep_all: Records hold the other fields too, as JSON in `Record.parts`.
        row_groups: Of Parquet, those that are read. None: all.
        object_field: One of `needed`, whose value may be an object or a list: it is taken as JSON.

    Yields:
        One `Record` or `Refusal` an object, in the file's order.

    Raises:
        DataError: The file as a whole cannot be read as configured.
    """
    for found in read_objects(stream, source, config, None if keep_all else needed, row_groups):
        if isinstance(found, Refusal):
            yield found
            continue
        try:
            yield record_of(found, needed, list_field, object_field)
        except RowError as error:
            yield error.refusal(source, found.line, found.row)


def check_fields(stream: BinaryIO, source: str, config: SourceConfig, needed: Sequence[str]) -> None:
    """Looks at the first objects.

    Raises:
        DataError: There are objects among them, and none has one of the fields; or JSON Lines begin as one JSON text.
    """
    start = first_characters(stream, config.encoding) if config.format == "jsonl" else ""
    objects = 0
    names: dict[str, None] = {}
    missing = list(needed)
    refused: list[Refusal] = []
    for found in islice(read_objects(stream, source, config, needed), _LOOKED_AT):
        if isinstance(found, Refusal):
            refused.append(found)
            continue
        objects += 1
        names |= dict.fromkeys(found.fields.names())
        missing = [name for name in missing if not found.fields.values_of(name)]
    if config.format == "jsonl" and refused and not objects:
        check_is_lines(refused, start or refused[0].row.strip(), source)
    for name in missing if objects else ():
        raise missing_column(source, "field", name, names, f"Looked at {objects:,} rows.")


def check_is_lines(refused: Sequence[Refusal], start: str, source: str) -> None:
    """Demands that the lines of a file do not begin a JSON text of many lines, or a list of objects.

    Args:
        refused: Its first lines, of which none can be read.
        start: See `first_characters`.
        source: The file's name, for errors.

    Raises:
        DataError: They do.
    """
    is_list = _LIST_OF_OBJECTS.match(start) is not None
    if is_list or (len(refused) > 1 and start.startswith(("[", "{")) and refused[0].reason != "not an object"):
        what = "list" if start.startswith("[") else "text of many lines"
        raise DataError(
            f"{source}: is one JSON {what}, and format is jsonl, which has an object a line. Set format to json."
        )


def first_characters(stream: BinaryIO, encoding: str) -> str:
    """Of a file at its beginning, which stays there; none of a stream that cannot be looked into."""
    start = stream.peek(_START)[:_START] if isinstance(stream, io.BufferedReader) else b""
    return start.decode(encoding, "ignore").lstrip("\ufeff \t\r\n")
