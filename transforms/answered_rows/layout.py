"""Columns of what is written: those of the input, those of the answers, and what tells a row's place."""

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.answered_rows.asked import AskedRow

Kind = Literal["text", "integer", "number", "truth"]
"""What the values of a column are. Values of several kinds, lists and objects are `text`, written as JSON."""

FILE, LINE, ERROR = "file", "line", "error"
_OTHERWISE = {FILE: "source_file", LINE: "source_line", ERROR: "prediction_error"}
_PREFIX = "predicted_"
_INTEGERS = range(-(2**63), 2**63)


@dataclasses.dataclass(frozen=True)
class Layout:
    """The columns, in their order: `id_column`, file, line, the input's others, the answers', the error.

    Attributes:
        columns: The input's, with the kind of each.
        answers: The answers', likewise.
        id_column: The one of the input's that stands first.
        with_file: Whether each row names its file.
    """

    columns: Mapping[str, Kind]
    answers: Mapping[str, Kind]
    id_column: str | None = None
    with_file: bool = False

    @property
    def own(self) -> tuple[str, ...]:
        """What is no column of the input, by the names that it has where there is no such column."""
        return (*((FILE,) if self.with_file else ()), LINE, *self.answers, ERROR)

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """Under which name each of `own` is written: another one where the input has such a column.

        >>> Layout({"text": "text", "label": "integer"}, {"label": "text", "probability": "number"}).names
        {'line': 'line', 'label': 'predicted_label', 'probability': 'probability', 'error': 'error'}

        Raises:
            DataError: The input has a column of either name.
        """
        names = {}
        for own in self.own:
            otherwise = _PREFIX + own if own in self.answers else _OTHERWISE[own]
            names[own] = otherwise if own in self.columns else own
            if names[own] in self.columns or names[own] in set(self.own) - {own}:
                raise DataError(
                    f"the input has the columns '{own}' and '{otherwise}', which are the names of what is added. "
                    "Rename one of the two."
                )
        return names

    @functools.cached_property
    def kinds(self) -> dict[str, Kind]:
        """The kind of each column that is written, in their order."""
        names = self.names
        first = {} if self.id_column is None else {self.id_column: self.columns.get(self.id_column, "text")}
        place: dict[str, Kind] = {names[FILE]: "text"} if self.with_file else {}
        answers = {names[answer]: kind for answer, kind in self.answers.items()}
        return first | place | {names[LINE]: "integer"} | dict(self.columns) | answers | {names[ERROR]: "text"}


def columns_and_kinds(rows: Iterable[AskedRow]) -> dict[str, Kind]:
    """Columns of an input, in the order in which they come up, and what their values are."""
    kinds: dict[str, Kind | None] = {}
    for row in rows:
        add_kinds(kinds, row.columns)
    return {name: kind or "text" for name, kind in kinds.items()}


def add_kinds(kinds: dict[str, Kind | None], columns: Mapping[str, Any]) -> None:
    """Brings the kinds of columns up to date with a row; None of a column that was empty so far."""
    for name, value in columns.items():
        kinds[name] = merged(kinds.get(name), _kind_of(value))


def merged(one: Kind | None, other: Kind | None) -> Kind | None:
    """The kind of values of two kinds."""
    if one is None or other is None or one == other:
        return one or other
    return "number" if {one, other} == {"integer", "number"} else "text"


def _kind_of(value: Any) -> Kind | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int):
        return "integer" if value in _INTEGERS else "text"
    return "number" if isinstance(value, float) else "text"
