"""Objects of JSON: of JSON Lines, an object a line, and of one JSON text, such as a list of objects."""

import json
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.transforms.records import json_values
from ulmfit_tfx.transforms.records.line_blocks import read_lines, undecodable
from ulmfit_tfx.transforms.records.lines import is_decoded, open_text
from ulmfit_tfx.transforms.records.nested_fields import Fields, Found, kind_of
from ulmfit_tfx.transforms.records.record import Refusal, RowError


def read_json_lines(stream: BinaryIO, source: str, config: SourceConfig) -> Iterator[Found | Refusal]:
    """Reads the objects of JSON Lines.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Encoding and bounds.

    Yields:
        One object or `Refusal` a line, in the file's order. Blank lines are none.
    """
    return _objects(read_lines(stream, source, config), source)


def read_json(stream: BinaryIO, source: str, config: SourceConfig) -> Iterator[Found | Refusal]:
    """Reads the objects of a JSON text: of a list, of the one list of objects in an object, or one after the other.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Encoding and bounds.

    Yields:
        One object or `Refusal` each, in the file's order.

    Raises:
        DataError: It is no such text, or ends too early.
    """
    return _objects(read_values(stream, source, config), source)


def read_values(stream: BinaryIO, source: str, config: SourceConfig) -> Iterator[tuple[int, str] | Refusal]:
    """Reads the rows of a JSON text, as `json_values.read_values` finds them, each with the line that it begins on.

    In place of one of more than `max_row_bytes` characters, or with undecodable bytes, there is a refusal.
    """
    for line, value in json_values.read_values(
        open_text(stream, source, config.encoding), source, config.max_row_bytes
    ):
        if value is None:
            yield Refusal.too_long(source, line, config.max_row_bytes)
        elif is_decoded(value):
            yield line, value
        else:
            yield undecodable(source, line, value, config)


def _objects(values: Iterable[tuple[int, str] | Refusal], source: str) -> Iterator[Found | Refusal]:
    for value in values:
        if isinstance(value, Refusal):
            yield value
            continue
        line, content = value
        try:
            yield Found(line, _object(content), content)
        except RowError as error:
            yield error.refusal(source, line, content)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no value of JSON")


# Numbers stay as they are written: as floats they would be rounded, and named labels would change their names.
_DECODER = json.JSONDecoder(object_pairs_hook=Fields, parse_float=str, parse_int=str, parse_constant=_no_constant)


def _object(text: str) -> Fields:
    try:
        found = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise RowError("malformed JSON", f"{error.msg} (character {error.pos + 1})") from None
    except (ValueError, RecursionError) as error:
        raise RowError("malformed JSON", str(error)) from None
    if not isinstance(found, Fields):
        raise RowError("not an object", f'it is {kind_of(found)}, expected one such as {{"text": "..."}}')
    return found
