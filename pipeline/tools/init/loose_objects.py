"""Reads objects of which it is not known yet what fields they have: JSON Lines, a JSON list, Parquet, a workbook."""

import itertools
from collections.abc import Iterator
from typing import Any

from ulmfit_tfx.components.corpus_ingest.source_files import readable
from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.transforms.records.nested_fields import Fields, Found
from ulmfit_tfx.transforms.records.objects import read_objects

_LOOKED_AT = 100

Values = tuple[dict[str, str], frozenset[str]]
"""Texts by field, and the fields whose values were lists."""
FORMATS = frozenset(("jsonl", "json", "parquet", "xlsx"))


def objects_of(file: str, format: str, encoding: str = "utf-8") -> Iterator[Found]:
    """Reads a file's objects; what is no object is passed over.

    Args:
        file: Local or remote.
        format: One of `FORMATS`.
        encoding: Of texts.

    Raises:
        DataError: What reads it is not installed, or it is damaged.
    """
    source = text_source(path=file, format=format, encoding=encoding)
    with readable(file, source) as stream:
        yield from (found for found in read_objects(stream, file, source, None) if isinstance(found, Found))


def first_objects(file: str, format: str, encoding: str = "utf-8") -> list[Found]:
    """The first objects of a file, as `objects_of` reads them."""
    return list(itertools.islice(objects_of(file, format, encoding), _LOOKED_AT))


def names_of(objects: list[Found]) -> tuple[str, ...]:
    """Names of the fields of some objects that can be columns, those inside of others with a dot."""
    return tuple(dict.fromkeys(name for found in objects for name in values_of(found.fields)[0]))


def values_of(fields: Fields) -> Values:
    """Single values and lists of these, as texts; those inside of objects with a dot in their name.

    >>> values_of(Fields([("id", "7"), ("meta", Fields([("stars", "5")])), ("tags", ["a", "b"])]))
    ({'id': '7', 'meta.stars': '5', 'tags': 'a, b'}, frozenset({'tags'}))
    """
    values: dict[str, str] = {}
    lists: set[str] = set()
    for name, value in fields:
        if isinstance(value, Fields):
            below, lists_below = values_of(value)
            values |= {f"{name}.{inner}": text for inner, text in below.items()}
            lists |= {f"{name}.{inner}" for inner in lists_below}
        elif not isinstance(value, list):
            values[name] = _text(value)
        elif not any(isinstance(each, Fields | list) for each in value):
            values[name] = ", ".join(map(_text, value))
            lists.add(name)
    return values, frozenset(lists)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value).strip()
