"""What the model and its baselines are asked about the rows of the test split, and how their answers are scored."""

import abc
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from ulmfit_tfx.evaluation.intervals import Bootstrap, Interval
from ulmfit_tfx.evaluation.scores import Rows
from ulmfit_tfx.transforms.records.record import Row

Answers = np.ndarray | list[list[str]]
"""To rows: float [rows, classes or targets], or of a tagger the tags of each row's words."""

_Countable = TypeVar("_Countable", str, tuple[str, ...])


class Contest(abc.ABC):
    """What is asked of the systems of a task, and how their answers are scored."""

    @property
    @abc.abstractmethod
    def leading(self) -> str:
        """The score that systems are ranked by, the first of those that the task is measured by."""

    @abc.abstractmethod
    def of_model(self, predictions: Sequence[Any]) -> Answers:
        """Answers of a model.

        Args:
            predictions: As its predictor gives them of the rows.
        """

    @abc.abstractmethod
    def of_baselines(self, train: Sequence[Row], rows: Sequence[Row], seed: int) -> Mapping[str, Answers | None]:
        """Answers of the baselines, by their names in the catalogue; None for one that cannot answer."""

    def of_taught(self, train: Sequence[Row], rows: Sequence[Row], seed: int) -> Mapping[str, Answers | None]:
        """Answers of the baselines that learn from a teacher too, as `of_baselines`; none where a task has no teacher.

        Args:
            train: Of the train split, with the teacher's rows.
            rows: To be answered.
            seed: Of the baselines.
        """
        return {}

    @abc.abstractmethod
    def scored(self, rows: Sequence[Row], answers: Any) -> Rows:
        """Holds answers against what is expected."""

    def intervals(self, scored: Rows, found: Bootstrap) -> dict[str, Interval]:
        """Scores with 95 % intervals, bootstrapped.

        Args:
            scored: The rows.
            found: Their scores, and those of samples of them.
        """
        return found.intervals()


def most_frequent(counts: Counter[_Countable]) -> _Countable:
    """What was counted most often. The order in which rows were read decides nothing: Beam promises none."""
    return max(counts, key=lambda counted: (counts[counted], counted))


def texts_of(rows: Sequence[Row]) -> list[str]:
    """The texts of rows."""
    return [row.text for row in rows]


def weights_of(rows: Sequence[Row]) -> list[float] | None:
    """Weights of rows; None where they have none."""
    weights = [row.weight for row in rows if row.weight is not None]
    return weights if len(weights) == len(rows) else None
