"""Reads JSON Lines of which it is not known yet what fields they have."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.transforms.records.line_blocks import read_lines
from ulmfit_tfx.transforms.records.record import Refusal
from ulmfit_tfx.transforms.records.record_fields import Record


def read_objects(stream: BinaryIO, source: str, config: SourceConfig) -> Iterator[Record]:
    """Reads a file.

    Args:
        stream: The file's bytes.
        source: The file's name.
        config: Encoding and bounds.

    Yields:
        A record for each object, with those of its fields that hold a text, a number, or a list of these.
    """
    for line in read_lines(stream, source, config):
        if isinstance(line, Refusal):
            continue
        number, content = line
        try:
            found = json.loads(content, parse_float=str, parse_int=str)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield _record(number, content, found)


def _record(number: int, content: str, found: dict[str, Any]) -> Record:
    lists = {name: [str(each) for each in value] for name, value in found.items() if _is_list(value)}
    values = {name: ", ".join(value) for name, value in lists.items()}
    values |= {name: _text(value) for name, value in found.items() if not isinstance(value, dict | list)}
    return Record(number, values, [content], lists)


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(each, dict | list) for each in value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value).strip()
