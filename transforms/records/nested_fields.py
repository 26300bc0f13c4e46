"""Fields of objects, of JSON and of tables that hold such, and what they give a record."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ulmfit_tfx.transforms.records.lines import excerpt, is_decoded
from ulmfit_tfx.transforms.records.record import RowError
from ulmfit_tfx.transforms.records.record_fields import Record

_DOT = "."


class Fields(tuple[tuple[str, Any], ...]):
    """Names and values of an object, as they stand in it: a name may be there twice.

    A value is a text, None, a truth value, a list of values, or an object again. Numbers are texts, as they are
    written.
    """

    def values_of(self, name: str) -> list[Any]:
        """All values of a field, by its name or by the names on the way to it, with dots between them.

        >>> Fields([("data", Fields([("text", "Fine.")]))]).values_of("data.text")
        ['Fine.']
        >>> Fields([("a.b", "1"), ("a", Fields([("b", "2")]))]).values_of("a.b")
        ['1']
        """
        if found := [value for own, value in self if own == name]:
            return found
        if _DOT not in name:
            return []
        return [
            value
            for own, inner in self
            if isinstance(inner, Fields) and name.startswith(f"{own}{_DOT}")
            for value in inner.values_of(name.removeprefix(f"{own}{_DOT}"))
        ]

    def names(self) -> Iterator[str]:
        """Names of all fields, those of objects inside of it with the names on the way to them."""
        for name, value in self:
            if isinstance(value, Fields) and value:
                yield from (f"{name}{_DOT}{inner}" for inner in value.names())
            else:
                yield name


class Found(NamedTuple):
    """An object in its place.

    Attributes:
        line: Line of the file that it begins on, or number of its row, from 1.
        fields: What it has.
        row: All of it that was read, for refusals.
    """

    line: int
    fields: Fields
    row: str


def record_of(
    found: Found, needed: Sequence[str], list_field: str | None = None, object_field: str | None = None
) -> Record:
    """The record that an object is.

    Args:
        found: The object.
        needed: Fields that it has to have.
        list_field: One of them, whose value may be a list of texts and numbers.
        object_field: One of them, whose value may be an object or a list: it is taken as JSON.

    Raises:
        RowError: It lacks one, or one is no text and no number.
    """
    values: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    for name in needed:
        given = found.fields.values_of(name)
        if not given:
            raise RowError(
                "missing field", f"'{name}'. Fields: {excerpt(', '.join(dict.fromkeys(found.fields.names())))}"
            )
        if len(given) > 1:
            raise RowError("field given twice", f"'{name}'")
        (value,) = given
        if name == list_field and isinstance(value, list):
            lists[name] = [_text(name, each) for each in value]
            values[name] = ", ".join(lists[name])
        elif name == object_field and isinstance(value, Fields | list):
            values[name] = _as_json(value)
        else:
            values[name] = _text(name, value)
    return Record(found.line, values, [found.row], lists)


def _as_json(value: Any) -> str:
    """A value as JSON, of an object all members, numbers as texts."""
    if isinstance(value, Fields):
        return f"{{{', '.join(f'{json.dumps(name)}: {_as_json(inner)}' for name, inner in value)}}}"
    return json.dumps(value, default=str)


def _text(field: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        inside = next(value.names(), None) if isinstance(value, Fields) else None
        hint = f". Name a field inside of it, such as '{field}{_DOT}{inside}'" if inside else ""
        raise RowError("not a text", f"field '{field}' is {kind_of(value)}, expected a text or a number{hint}")
    if not is_decoded(value):
        raise RowError("not Unicode", f"field '{field}' has half of a surrogate pair")
    return value.strip()


def kind_of(value: Any) -> str:
    """What a value is, in words."""
    if isinstance(value, Fields):
        return "an object"
    return "a list" if isinstance(value, list) else "a single value"
