"""What the report asks of rows and predictions, whatever the task."""

import abc
from collections.abc import Sequence

import numpy as np

from ulmfit_tfx.evaluation.blocks import Section, ShownError
from ulmfit_tfx.evaluation.scores import Rows
from ulmfit_tfx.transforms.records.record import Row


class TaskView(abc.ABC):
    """Rows of the eval split beside what a model predicts for them.

    Attributes:
        kind: The task in words, such as `classification with one label a text`.
        rows: The rows.
        scored: Their scores.
        columns: Of the table of errors.
        ranking: By what `errors` ranks, in words.
    """

    kind: str
    rows: Sequence[Row]
    scored: Rows
    columns: tuple[str, ...]
    ranking: str

    def right(self) -> np.ndarray | None:
        """Whether each row is predicted without an error, bool [rows]; None where a row is not right or wrong."""
        return None

    @abc.abstractmethod
    def errors(self) -> list[int]:
        """Indices of the rows that are not exactly right, worst first."""

    @abc.abstractmethod
    def record(self, index: int) -> dict[str, str]:
        """A row of the table of errors, by column."""

    @abc.abstractmethod
    def shown(self, index: int) -> ShownError:
        """A row for the page."""

    @abc.abstractmethod
    def sections(self) -> list[Section]:
        """The charts and tables of the task."""

    def own_slices(self) -> dict[str, list[str]]:
        """What rows are sliced by beside length and columns: by name, the value of each row."""
        return {}
