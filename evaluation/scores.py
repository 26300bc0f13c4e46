"""What the scores of all tasks are computed from: matches of labels, rankings, calibration.

Each task has a class of `Rows` in its `scores.py`. It does once what is slow, such as ranking probabilities and finding
entities, so that the scores of a bootstrap sample are sums over the rows, each counted as often as it was drawn. The
functions named `..._scores` are for whoever wants the scores once.

A score that is not defined for the rows is absent: `auc` where no class has texts both in and out of it,
`one_minus_wmae` where a target has the same value everywhere, `accuracy` where there are no words. Names are those of
the catalogue, `ulmfit_tfx.evaluation.catalogue`.
"""

import abc
import math
from collections.abc import Sequence, Set
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

CALIBRATION_BINS = 15
"""Of equal width, the number of Guo et al. 2017, "On Calibration of Modern Neural Networks"."""


Unit = tuple[str, int, int]
"""What is found or missed: a label with the first and the last word that it is of; 0 and 0 where it is of a text."""


class LabelScores(NamedTuple):
    """Scores of one label; `support` is the number of times that it is expected."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


class Rows(abc.ABC):
    """Rows of a task: what is expected of its model, and what it predicts."""

    def __init__(self, rows: int):
        """Holds rows.

        Raises:
            ValueError: There are none.
        """
        if not rows:
            raise ValueError("there are no rows to score")
        self._rows = rows

    def __len__(self) -> int:
        return self._rows

    def scores(self, indices: np.ndarray | None = None) -> dict[str, float]:
        """Scores of some of the rows.

        Args:
            indices: int [any number] of the rows, repeated where one counts several times. None: all, once.

        Returns:
            By name, those that are defined.
        """
        counts = np.ones(self._rows) if indices is None else np.bincount(indices, minlength=self._rows).astype(float)
        return {name: float(value) for name, value in self._scores(counts).items() if not math.isnan(value)}

    @abc.abstractmethod
    def _scores(self, counts: np.ndarray) -> dict[str, float]:
        """Scores, nan where undefined, of rows that count float64 [rows] times each."""


def finite(values: ArrayLike, shape: tuple[int, int], what: str) -> np.ndarray:
    """Values as float64, where they are what they should be.

    Raises:
        ValueError: They have another shape, or one is not finite.
    """
    array = np.asarray(values, np.float64)
    if array.shape != shape:
        raise ValueError(f"the {what} have shape {list(array.shape)}, expected {list(shape)}")
    if bad := int((~np.isfinite(array)).any(axis=1).sum()):
        raise ValueError(f"the {what} are not finite in {bad} of {len(array)} rows. Did the training diverge?")
    return array


class Matches:
    """Units that are predicted and expected, by row and label.

    Attributes:
        labels: Those of any unit, in alphabetical order.
    """

    def __init__(self, expected: Sequence[Set[Unit]], predicted: Sequence[Set[Unit]]):
        """Matches sets of units, one a row."""
        right = [wanted & found for wanted, found in zip(expected, predicted, strict=True)]
        self._rows = len(right)
        self.labels = sorted({label for rows in (expected, predicted) for units in rows for label, *_ in units})
        ids = {label: index for index, label in enumerate(self.labels)}
        self._occurrences = []
        for rows in (right, predicted, expected):
            pairs = [(row, ids[label]) for row, units in enumerate(rows) for label, *_ in units]
            self._occurrences.append(np.array(pairs, int).reshape(-1, 2).T)

    def counts(self, counts: np.ndarray) -> np.ndarray:
        """Of each label the units that are right, predicted and expected, float64 [3, labels].

        Args:
            counts: How often each row counts, float64 [rows].
        """
        return np.array([np.bincount(ids, counts[rows], minlength=len(self.labels)) for rows, ids in self._occurrences])

    def label_scores(self) -> list[LabelScores]:
        """Scores of each label, where each row counts once."""
        counts = self.counts(np.ones(self._rows))
        measures = (values.tolist() for values in _precision_recall_f1(*counts))
        support = counts[2].astype(int).tolist()
        return [LabelScores(*of_label) for of_label in zip(self.labels, *measures, support, strict=True)]


class Micro(NamedTuple):
    """Scores of all labels together."""

    precision: float
    recall: float
    f1: float


def micro(counts: np.ndarray) -> Micro:
    """Scores of all labels together, 0 where nothing is there to be found.

    Args:
        counts: Units that are right, predicted and expected, [3, labels].
    """
    return Micro(*(float(value) for value in _precision_recall_f1(*counts.sum(axis=1))))


def micro_f1(counts: np.ndarray) -> float:
    """F1 of all labels together, see `micro`."""
    return micro(counts).f1


def macro_f1(counts: np.ndarray) -> float:
    """Mean over the labels that are predicted or expected, 0 where there are none.

    Args:
        counts: Units that are right, predicted and expected, [3, labels].
    """
    occur = counts.any(axis=0)
    return float(_precision_recall_f1(*counts[:, occur])[2].mean()) if occur.any() else 0.0


def _precision_recall_f1(right: np.ndarray, predicted: np.ndarray, expected: np.ndarray) -> tuple:
    return _share(right, predicted), _share(right, expected), _share(2 * right, predicted + expected)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return part / np.where(whole == 0, 1, whole)


def area_under_curve(probabilities: np.ndarray, there: np.ndarray) -> float:
    """Area under the ROC curve of each class against the rest, the mean over the classes that it is defined for.

    Args:
        probabilities: float64 [texts, classes].
        there: bool [texts, classes], whether a text is of the class.

    Returns:
        nan where it is defined for none: those need texts both in and out of them.
    """
    return Ranking(probabilities, there).mean_area(np.ones(len(probabilities)))


def calibration_sums(probabilities: np.ndarray, right: np.ndarray) -> np.ndarray:
    """What calibration error and reliability diagrams are computed from, to be added up over rows.

    Bins are open below and closed above, but for the first, which has 0 too.

    Args:
        probabilities: float64 [rows, decisions].
        right: bool [rows, decisions].

    Returns:
        The number of decisions, the sum of their probabilities and the number of the right ones, float64
        [rows, 3, CALIBRATION_BINS].
    """
    bins = np.clip(np.ceil(probabilities * CALIBRATION_BINS).astype(int) - 1, 0, CALIBRATION_BINS - 1)
    sums = np.zeros((len(probabilities), 3, CALIBRATION_BINS))
    rows = np.arange(len(probabilities))[:, np.newaxis]
    for index, values in enumerate((np.ones_like(probabilities), probabilities, right)):
        np.add.at(sums[:, index], (rows, bins), values)
    return sums


def calibration_error(sums: np.ndarray) -> float:
    """Expected calibration error (ECE, Guo et al. 2017, equation 5).

    Args:
        sums: Of `calibration_sums`, float64 [3, CALIBRATION_BINS].

    Returns:
        nan where there are no decisions.
    """
    decisions, probabilities, right = sums
    return float(np.abs(right - probabilities).sum() / decisions.sum()) if decisions.any() else math.nan


class Ranking:
    """Texts ranked by the probability of each class."""

    def __init__(self, probabilities: np.ndarray, there: np.ndarray):
        """Ranks float64 [texts, classes], with bool [texts, classes], whether a text is of the class."""
        self._ranks = [dense_ranks(column) for column in probabilities.T]
        self._texts = [np.flatnonzero(column) for column in there.T]

    def mean_area(self, counts: np.ndarray) -> float:
        """Mean area under the ROC curve, of the classes that it is defined for; nan where it is for none.

        The area is the share of the pairs of a text of the class with another that are in order, ties being half so
        (Hanley and McNeil 1982).
        """
        areas = []
        for ranks, texts in zip(self._ranks, self._texts, strict=True):
            total = np.bincount(ranks, counts)
            inside = np.bincount(ranks[texts], counts[texts], minlength=len(total))
            outside = total - inside
            if pairs := inside.sum() * outside.sum():
                areas.append(inside @ (np.cumsum(outside) - outside / 2) / pairs)
        return float(np.mean(areas)) if areas else math.nan


def dense_ranks(values: np.ndarray) -> np.ndarray:
    """Index of each value among the sorted distinct ones."""
    return np.unique(values, return_inverse=True)[1]
