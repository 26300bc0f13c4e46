"""A row with its place in the input, by which rows are put in order again."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ulmfit_tfx.transforms.answered_rows.asked import AskedRow


class PlacedRow(NamedTuple):
    """A row on its way to its place.

    Attributes:
        file: Of the input.
        line: In that file.
        number: Among rows of one line, as clean-up makes of a text with several sentences.
        asked: The row.
        answer: What the model says. None: it was refused.
    """

    file: str
    line: int
    number: int
    asked: AskedRow
    answer: Mapping[str, Any] | None
