"""The scores of classifiers: of texts with one label each, and of texts with any number of them."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ulmfit_tfx.evaluation.scores import (
    Matches,
    Ranking,
    Rows,
    Unit,
    calibration_error,
    calibration_sums,
    finite,
    macro_f1,
    micro_f1,
)


class ClassificationRows(Rows):
    """Texts with one label each.

    `accuracy`; `auc`, the area under the ROC curve of each class against the rest, the mean over the classes that have
    texts both in and out of them; `macro_f1`, the mean over the classes that are expected or predicted; and
    `calibration_error` of the most probable class.
    """

    def __init__(self, expected: Sequence[str], probabilities: ArrayLike, classes: Sequence[str]):
        """Takes labels and predictions.

        Args:
            expected: The label of each text. One that is not among `classes` is never predicted.
            probabilities: float [texts, classes].
            classes: Their names.

        Raises:
            ValueError: There are no texts, the shapes do not fit, or a probability is not finite.
        """
        super().__init__(len(expected))
        probabilities = finite(probabilities, (len(expected), len(classes)), "probabilities")
        predicted = [classes[index] for index in probabilities.argmax(axis=1)]
        right = np.array([found == wanted for found, wanted in zip(predicted, expected, strict=True)])
        self._right = right.astype(float)
        self._matches = Matches([text_units([label]) for label in expected], [text_units([x]) for x in predicted])
        self._calibration = calibration_sums(probabilities.max(axis=1, keepdims=True), right[:, np.newaxis])
        self._ranking = Ranking(probabilities, memberships([[label] for label in expected], classes))

    def _scores(self, counts: np.ndarray) -> dict[str, float]:
        return {
            "accuracy": counts @ self._right / counts.sum(),
            "auc": self._ranking.mean_area(counts),
            "macro_f1": macro_f1(self._matches.counts(counts)),
            "calibration_error": calibration_error(np.tensordot(counts, self._calibration, axes=1)),
        }


class MultiLabelRows(Rows):
    """Texts with any number of labels.

    `micro_f1` of all labels together; `macro_f1`, the mean over the labels that are expected or predicted; `auc`, as of
    `ClassificationRows`; and `calibration_error` of all decisions, one a text and class: how far the probability of a
    label is from how often it is there.
    """

    def __init__(
        self, expected: Sequence[Collection[str]], probabilities: ArrayLike, classes: Sequence[str], threshold: float
    ):
        """Takes labels and predictions.

        Args:
            expected: The labels of each text. One that is not among `classes` is never predicted.
            probabilities: float [texts, classes], of each class by itself.
            classes: Their names.
            threshold: Probability from which a label is given.

        Raises:
            ValueError: There are no texts, the shapes do not fit, or a probability is not finite.
        """
        super().__init__(len(expected))
        probabilities = finite(probabilities, (len(expected), len(classes)), "probabilities")
        there = memberships(expected, classes)
        self._matches = Matches(
            [text_units(labels) for labels in expected],
            [text_units(labels_from(row, classes, threshold)) for row in probabilities],
        )
        self._calibration = calibration_sums(probabilities, there)
        self._ranking = Ranking(probabilities, there)

    def _scores(self, counts: np.ndarray) -> dict[str, float]:
        matches = self._matches.counts(counts)
        return {
            "micro_f1": micro_f1(matches),
            "macro_f1": macro_f1(matches),
            "auc": self._ranking.mean_area(counts),
            "calibration_error": calibration_error(np.tensordot(counts, self._calibration, axes=1)),
        }


def classification_scores(
    expected: Sequence[str], probabilities: ArrayLike, classes: Sequence[str]
) -> dict[str, float]:
    """Scores of `ClassificationRows`."""
    return ClassificationRows(expected, probabilities, classes).scores()


def multi_label_scores(
    expected: Sequence[Collection[str]], probabilities: ArrayLike, classes: Sequence[str], threshold: float
) -> dict[str, float]:
    """Scores of `MultiLabelRows`."""
    return MultiLabelRows(expected, probabilities, classes, threshold).scores()


def memberships(labels: Sequence[Collection[str]], classes: Sequence[str]) -> np.ndarray:
    """Whether each text is of each class, bool [texts, classes], from the labels of the texts."""
    return np.array([[name in of_text for name in classes] for of_text in labels])


def labels_from(probabilities: np.ndarray, classes: Sequence[str], threshold: float) -> list[str]:
    """Labels whose probability reaches the threshold, in float32, as the model itself compares them."""
    given = np.asarray(probabilities, np.float32) >= np.float32(threshold)
    return [classes[index] for index in np.flatnonzero(given)]


def text_units(labels: Collection[str]) -> set[Unit]:
    """The labels of a text as units."""
    return {(label, 0, 0) for label in labels}
