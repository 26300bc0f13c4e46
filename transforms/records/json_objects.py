"""Records of JSON Lines, an object a line, as texts by field."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO

from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.transforms.records.line_blocks import read_lines
from ulmfit_tfx.transforms.records.lines import excerpt, is_decoded
from ulmfit_tfx.transforms.records.record import Refusal, RowError
from ulmfit_tfx.transforms.records.record_fields import Record, missing_column

_LOOKED_AT = 100
"""Lines in which a field has to be found once."""


def read_records(
    stream: BinaryIO, source: str, config: SourceConfig, needed: Sequence[str], list_field: str | None = None
) -> Iterator[Record | Refusal]:
    """Reads a file.

    With `needed=["text", "stars"]` the line

        {"id": 7, "text": "Fine", "stars": 5.0}

    gives a record with the values `{"text": "Fine", "stars": "5.0"}`. Numbers, `true` and `false` are taken as they are
    written, `null` for an empty text.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Encoding and bounds.
        needed: Fields that every object has to have.
        list_field: One of them, whose value may be a list of texts and numbers.

    Yields:
        One `Record` or `Refusal` a line, in the file's order. Blank lines are no records.
    """
    for line in read_lines(stream, source, config):
        if isinstance(line, Refusal):
            yield line
            continue
        number, content = line
        try:
            yield _record(number, content, needed, list_field)
        except RowError as error:
            yield error.refusal(source, number, content)


def check_fields(stream: BinaryIO, source: str, config: SourceConfig, needed: Sequence[str]) -> None:
    """Looks at the first lines.

    Raises:
        DataError: There are objects among them, and none has one of the fields.
    """
    objects = 0
    names: dict[str, None] = {}
    for line in islice(read_lines(stream, source, config), _LOOKED_AT):
        if isinstance(line, Refusal):
            continue
        with contextlib.suppress(RowError):
            names |= dict.fromkeys(name for name, _ in _object(line[1]))
            objects += 1
    for field in needed if objects else ():
        if field not in names:
            raise missing_column(source, "field", field, names, f"Looked at {objects:,} rows.")


class _Object(tuple[tuple[str, Any], ...]):
    """Names and values of a JSON object, as they stand in it: a name may be there twice."""


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no value of JSON")


# Numbers stay as they are written: as floats they would be rounded, and named labels would change their names.
_DECODER = json.JSONDecoder(object_pairs_hook=_Object, parse_float=str, parse_int=str, parse_constant=_no_constant)


def _object(line: str) -> _Object:
    try:
        found = _DECODER.decode(line)
    except json.JSONDecodeError as error:
        raise RowError("malformed JSON", f"{error.msg} (character {error.pos + 1})") from None
    except (ValueError, RecursionError) as error:
        raise RowError("malformed JSON", str(error)) from None
    if not isinstance(found, _Object):
        raise RowError("not an object", f'it is {_kind(found)}, expected one such as {{"text": "..."}}')
    return found


def _record(number: int, line: str, needed: Sequence[str], list_field: str | None) -> Record:
    found = _object(line)
    fields = dict(found)
    names = [] if len(fields) == len(found) else [name for name, _ in found]
    values: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    for name in needed:
        if name not in fields:
            raise RowError("missing field", f"'{name}'. Fields: {excerpt(', '.join(fields))}")
        if names.count(name) > 1:
            raise RowError("field given twice", f"'{name}'")
        value = fields[name]
        if name == list_field and isinstance(value, list):
            lists[name] = [_text(name, each) for each in value]
            values[name] = ", ".join(lists[name])
        else:
            values[name] = _text(name, value)
    return Record(number, values, [line], lists)


def _text(field: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise RowError("not a text", f"field '{field}' is {_kind(value)}, expected a text or a number")
    if not is_decoded(value):
        raise RowError("not Unicode", f"field '{field}' has half of a surrogate pair")
    return value.strip()


def _kind(value: Any) -> str:
    if isinstance(value, _Object):
        return "an object"
    return "a list" if isinstance(value, list) else "a single value"
