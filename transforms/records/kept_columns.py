"""All columns of a record, for what is written beside a model's answers."""

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ulmfit_tfx.schemas.config.sources.source import ColumnsConfig, SourceConfig
from ulmfit_tfx.transforms.records.lines import escaped, is_decoded
from ulmfit_tfx.transforms.records.record import Refusal, Row, RowError
from ulmfit_tfx.transforms.records.record_fields import Record


def columns_of(record: Record) -> Mapping[str, Any]:
    """What a record holds, by column.

    Cells are texts as they stand in the file; the values of a JSON object keep their types. Of columns with the same
    name the later ones are numbered, see `distinct`.
    """
    if record.names:
        return dict(zip(distinct(record.names), record.parts, strict=True))
    if len(record.parts) == 1 and (found := _object(record.parts[0])) is not None:
        return found
    return record.values


def with_columns(refusal: Refusal, config: SourceConfig) -> Refusal:
    """A refusal with the columns of its row, where that is a JSON object and could be read."""
    if not config.format.startswith(("json", "parquet", "xlsx")) or not refusal.row:
        return refusal
    return dataclasses.replace(refusal, columns=_object(refusal.row))


def with_text(row: Row, config: SourceConfig) -> Row:
    """A row whose text column holds what a model is asked: where words stand is counted there. Pairs stay two texts."""
    if row.columns is None or not isinstance(config, ColumnsConfig) or getattr(config, "second_text_column", None):
        return row
    if row.columns.get(config.text_column) == row.text:
        return row
    return dataclasses.replace(row, columns={**row.columns, config.text_column: row.text})


def check_writable(columns: Mapping[str, Any]) -> None:
    """Raises what keeps a record from being written again.

    Raises:
        RowError: A text in it is undecodable, or holds a NUL, which ends texts for many programs.
    """
    for name, value in columns.items():
        for text in (name, *_texts(value)):
            if not is_decoded(text):
                raise RowError("not Unicode", f"column '{escaped(name)}' has undecodable bytes")
            if "\0" in text:
                raise RowError("NUL character", f"column '{escaped(name)}'")


def writable(value: Any) -> Any:
    r"""A value with backslash escapes for all that `check_writable` refuses.

    >>> writable(["caf\udce9", 5, {"a": "\0"}])
    ['caf\\udce9', 5, {'a': '\\x00'}]
    """
    if isinstance(value, str):
        return escaped(value).replace("\0", "\\x00")
    if isinstance(value, list):
        return [writable(each) for each in value]
    if isinstance(value, dict):
        return {writable(name): writable(each) for name, each in value.items()}
    return value


def distinct(names: Sequence[str]) -> list[str]:
    """Names of columns, those numbered that are there already.

    >>> distinct(["id", "", "note", "", "note"])
    ['id', '', 'note', ' (2)', 'note (2)']
    """
    found: dict[str, None] = {}
    for name in names:
        number, free = 1, name
        while free in found or (number > 1 and free in names):
            number += 1
            free = f"{name} ({number})"
        found[free] = None
    return list(found)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from _texts(each)


def _object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line, parse_float=_float)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _float(written: str) -> float | str:
    """A number, or what is written where it is beyond all numbers."""
    number = float(written)
    return number if math.isfinite(number) else written
