"""Marks by offsets, in the shapes in which tools for annotation and libraries write them."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ulmfit_tfx.transforms.records.lines import excerpt
from ulmfit_tfx.transforms.records.marked_text import Mark
from ulmfit_tfx.transforms.records.record import RowError

_STARTS, _ENDS = ("start", "start_offset"), ("end", "end_offset")


def label_of(value: Any) -> str:
    """The label of a mark, which has to be a text.

    Raises:
        RowError: It is none, or empty.
    """
    if not isinstance(value, str) or not value:
        raise RowError("mark without labels", f"{shown(value)}, expected a text")
    return value


def marks_of(entry: Any, text: str, name: Callable[[Any], str] = label_of) -> Iterator[Mark]:
    """The marks of an entry, one a label.

    >>> [*marks_of([3, 9, "LOC"], "to London")] == [*marks_of({"start": 3, "end": 9, "label": "LOC"}, "to London")]
    True
    >>> [*marks_of({"start_offset": 3, "end_offset": 9, "label": "LOC"}, "to London")]
    [Mark(start=3, end=9, label='LOC')]
    >>> [*marks_of({"start": 3, "end": 9, "labels": ["LOC", "CITY"]}, "to London")]
    [Mark(start=3, end=9, label='LOC'), Mark(start=3, end=9, label='CITY')]

    Args:
        entry: `[start, end, label]` (doccano, spaCy), or an object with `start` and `end`, or `start_offset` and
            `end_offset`, and `label` or `labels`. Offsets count characters; where the entry has the `text` that is
            marked and this says so, UTF-16 code units, as browsers do.
        text: What is marked.
        name: From a label in the entry to its name; raises `RowError`.

    Raises:
        RowError: It is no such entry, or not within the text.
    """
    start, end, labels = _parts(entry)
    first, last = place_of(start, end, entry, text)
    for label in labels:
        yield Mark(first, last, name(label))


def place_of(start: int, end: int, entry: Any, text: str) -> tuple[int, int]:
    """First character of a mark and the one after the last, from what an entry says of them.

    Raises:
        RowError: They are not within the text, or the entry has another text than is there.
    """
    given = entry.get("text") if isinstance(entry, Mapping) else None
    marked = given if isinstance(given, str) else text[max(start, 0) : max(end, 0)]
    in_utf16 = text.encode("utf-16-le")
    places = [(start, end)]
    if 0 <= start < end <= len(in_utf16) // 2:
        before = in_utf16[: 2 * start].decode("utf-16-le", "ignore"), in_utf16[: 2 * end].decode("utf-16-le", "ignore")
        places.append((len(before[0]), len(before[1])))
    for first, last in places:
        if 0 <= first < last <= len(text) and text[first:last] == marked:
            return first, last
    detail = f"{shown(entry)} in a text of {len(text)} characters"
    if not 0 <= start < end <= len(text):
        raise RowError("mark outside the text", detail)
    raise RowError("mark of another text", f"{detail}, which has '{excerpt(text[start:end])}' there")


def shown(value: Any) -> str:
    """A value of JSON, for messages."""
    return excerpt(json.dumps(value, ensure_ascii=False))


def _parts(entry: Any) -> tuple[int, int, list[Any]]:
    if isinstance(entry, list) and len(entry) == 3 and all(type(place) is int for place in entry[:2]):
        return entry[0], entry[1], [entry[2]]
    start, end = (_first_of(entry, keys) for keys in (_STARTS, _ENDS))
    if type(start) is not int or type(end) is not int:
        raise RowError("not a mark", f"{shown(entry)}, expected start, end and labels")
    labels = entry["labels"] if "labels" in entry else [entry["label"]] if "label" in entry else None
    if not isinstance(labels, list) or not labels:
        raise RowError("mark without labels", shown(entry))
    return start, end, labels


def _first_of(entry: Any, keys: tuple[str, ...]) -> Any:
    return next((entry[key] for key in keys if key in entry), None) if isinstance(entry, dict) else None
