"""A row of an input with what a model says of it, as it is written."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from ulmfit_tfx.transforms.answered_rows.asked import AskedRow
from ulmfit_tfx.transforms.answered_rows.layout import ERROR, FILE, LINE, Layout


@dataclasses.dataclass(frozen=True)
class AnsweredRow:
    """A row and its answer.

    Attributes:
        asked: The row.
        answer: What the model says, by column. None: it was not asked.
    """

    asked: AskedRow
    answer: Mapping[str, Any] | None


def flat(row: AnsweredRow, layout: Layout) -> dict[str, Any]:
    """The values of a row by the names of `layout.kinds`, in their order. What there is not is None."""
    names = layout.names
    asked, answer = row.asked, row.answer or {}
    own = {FILE: asked.file, LINE: asked.line, ERROR: asked.error} | {name: answer.get(name) for name in layout.answers}
    values = dict(asked.columns) | {names[name]: own[name] for name in layout.own}
    return {name: values.get(name) for name in layout.kinds}


def to_json(values: Mapping[str, Any]) -> str:
    """A row of `flat` as a line of JSON."""
    return json.dumps(values, ensure_ascii=False)
