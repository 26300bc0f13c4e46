"""The scores of task models, under the names that `ThresholdsConfig` has, and their bootstrap intervals.

Each task has a class of `Rows`. It does once what is slow, such as ranking probabilities and finding entities, so that
the scores of a bootstrap sample are sums over the rows, each counted as often as it was drawn. The functions named
`..._scores` are for whoever wants the scores once.

A score that is not defined for the rows is absent: `auc` where no class has texts both in and out of it,
`one_minus_wmae` where a target has the same value everywhere, `accuracy` where there are no words.
"""

import abc
import dataclasses
import math
from collections.abc import Callable, Collection, Sequence, Set
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from seqeval.metrics.sequence_labeling import get_entities

from ulmfit_tfx.schemas.config import TagScheme

CALIBRATION_BINS = 15
"""Of equal width, the number of Guo et al. 2017, "On Calibration of Modern Neural Networks"."""

Unit = tuple[str, int, int]
"""What is found or missed: a label with the first and the last word that it is of; 0 and 0 where it is of a text."""

_LOWER_IS_BETTER = frozenset({"calibration_error", "mae", "rmse"})


def lower_is_better(name: str) -> bool:
    """Whether a score measures what is wrong."""
    return name in _LOWER_IS_BETTER


@dataclasses.dataclass(frozen=True)
class Interval:
    """A score with its 95 % interval.

    Attributes:
        value: Of the rows as they are.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float


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
        self._matches = _Matches([text_units([label]) for label in expected], [text_units([x]) for x in predicted])
        self._calibration = calibration_sums(probabilities.max(axis=1, keepdims=True), right[:, np.newaxis])
        self._ranking = _Ranking(probabilities, memberships([[label] for label in expected], classes))

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
        self._matches = _Matches(
            [text_units(labels) for labels in expected],
            [text_units(labels_from(row, classes, threshold)) for row in probabilities],
        )
        self._calibration = calibration_sums(probabilities, there)
        self._ranking = _Ranking(probabilities, there)

    def _scores(self, counts: np.ndarray) -> dict[str, float]:
        matches = self._matches.counts(counts)
        return {
            "micro_f1": micro(matches).f1,
            "macro_f1": macro_f1(matches),
            "auc": self._ranking.mean_area(counts),
            "calibration_error": calibration_error(np.tensordot(counts, self._calibration, axes=1)),
        }


class RegressionRows(Rows):
    """Texts with numbers.

    `mae` and `rmse`, of all targets together; `pearson` and `spearman`, the lowest of any target; and `one_minus_wmae`,
    KLEJ's (Rybak et al. 2020), the mean over the targets.

    A correlation is 0 where the expected or the predicted numbers are all the same: a model that always answers alike
    has found nothing.
    """

    def __init__(self, expected: ArrayLike, predicted: ArrayLike):
        """Takes numbers and predictions, float [texts, targets].

        Raises:
            ValueError: There are no texts, the shapes do not fit, or a number is not finite.
        """
        shape = np.shape(expected)
        if len(shape) != 2:
            raise ValueError(f"the expected numbers have shape {shape}, expected [texts, targets]")
        super().__init__(shape[0])
        expected = finite(expected, shape, "expected numbers")
        predicted = finite(predicted, shape, "predicted numbers")
        self._errors = np.stack([np.abs(predicted - expected), np.square(predicted - expected)]).mean(axis=2)
        self._targets = [_Target(*pair) for pair in zip(expected.T, predicted.T, strict=True)]

    def _scores(self, counts: np.ndarray) -> dict[str, float]:
        absolute, squared = self._errors @ counts / counts.sum()
        return {
            "mae": absolute,
            "rmse": math.sqrt(squared),
            "pearson": min(target.pearson(counts) for target in self._targets),
            "spearman": min(target.spearman(counts) for target in self._targets),
            "one_minus_wmae": float(np.mean([target.one_minus_wmae(counts) for target in self._targets])),
        }


class TaggingRows(Rows):
    """Sentences whose words have a tag each.

    `accuracy` of the words; and of the entities of `bio` and `bioes` tags `entity_precision`, `entity_recall` and
    `entity_f1`, of all types together, as seqeval has them in its default mode, which is conlleval's.
    """

    def __init__(self, expected: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], scheme: TagScheme):
        """Takes the tags of each sentence.

        Raises:
            ValueError: There are no sentences, or their words differ in number.
        """
        super().__init__(len(expected))
        require_same_words(expected, predicted)
        pairs = list(zip(expected, predicted, strict=True))
        self._words = np.array([len(wanted) for wanted, _ in pairs], float)
        self._right = np.array([right_words(wanted, found) for wanted, found in pairs], float)
        self._entities = None if scheme == "plain" else _Matches(*_units_of_both(expected, predicted, scheme))

    def _scores(self, counts: np.ndarray) -> dict[str, float]:
        words = counts @ self._words
        scores = {"accuracy": counts @ self._right / words if words else math.nan}
        if self._entities is not None:
            measured = micro(self._entities.counts(counts))
            scores |= {f"entity_{measure}": getattr(measured, measure) for measure in ("precision", "recall", "f1")}
        return scores


class MultiLabelTaggingRows(Rows):
    """Sentences whose words have any number of tags.

    `micro_f1` of all tags together, and `macro_f1`, the mean over the tags that are expected or predicted.
    """

    def __init__(self, expected: Sequence[Sequence[Collection[str]]], predicted: Sequence[Sequence[Collection[str]]]):
        """Takes the tags of each word of each sentence.

        Raises:
            ValueError: There are no sentences, or their words differ in number.
        """
        super().__init__(len(expected))
        require_same_words(expected, predicted)
        self._matches = _Matches([word_units(tags) for tags in expected], [word_units(tags) for tags in predicted])

    def _scores(self, counts: np.ndarray) -> dict[str, float]:
        matches = self._matches.counts(counts)
        return {"micro_f1": micro(matches).f1, "macro_f1": macro_f1(matches)}


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


def regression_scores(expected: ArrayLike, predicted: ArrayLike) -> dict[str, float]:
    """Scores of `RegressionRows`."""
    return RegressionRows(expected, predicted).scores()


def tagging_scores(
    expected: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], scheme: TagScheme
) -> dict[str, float]:
    """Scores of `TaggingRows`."""
    return TaggingRows(expected, predicted, scheme).scores()


def multi_label_tagging_scores(
    expected: Sequence[Sequence[Collection[str]]], predicted: Sequence[Sequence[Collection[str]]]
) -> dict[str, float]:
    """Scores of `MultiLabelTaggingRows`."""
    return MultiLabelTaggingRows(expected, predicted).scores()


def entity_table(
    expected: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], scheme: TagScheme
) -> list[LabelScores]:
    """Scores of each entity type, or of each tag where these are plain.

    Returns:
        Those that are expected or predicted, in alphabetical order.

    Raises:
        ValueError: The words of a sentence differ in number.
    """
    require_same_words(expected, predicted)
    matches = _Matches(*_units_of_both(expected, predicted, scheme))
    counts = matches.counts(np.ones(len(expected)))
    measures = (values.tolist() for values in _precision_recall_f1(*counts))
    support = counts[2].astype(int).tolist()
    return [LabelScores(*row) for row in zip(matches.labels, *measures, support, strict=True)]


def with_intervals(
    score: Callable[[np.ndarray], dict[str, float]], rows: int, samples: int, seed: int
) -> dict[str, Interval]:
    """Scores with their 95 % intervals, by the percentile bootstrap over rows (Efron).

    Chance makes a calibration error larger, that of a bootstrap sample once more than that of the rows, so that the
    interval of a small one can lie above its value.

    Args:
        score: From indices, int [rows], to scores; `scores` of `Rows` is one, and is quick.
        rows: Their number.
        samples: Of the bootstrap.
        seed: Of its random numbers.

    Returns:
        By name, the scores that are defined for all rows together. An interval is of the samples that the score is
        defined for; where there are none, it is the value alone.
    """
    generator = np.random.default_rng(seed)
    sampled = [score(generator.integers(rows, size=rows)) for _ in range(samples)]
    intervals = {}
    for name, value in score(np.arange(rows)).items():
        low, high = np.percentile([scores[name] for scores in sampled if name in scores] or [value], [2.5, 97.5])
        intervals[name] = Interval(value, float(low), float(high))
    return intervals


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


def require_same_words(expected: Sequence[Sequence], predicted: Sequence[Sequence]) -> None:
    """Holds the words of sentences against each other.

    Raises:
        ValueError: Sentences or words differ in number.
    """
    if len(expected) != len(predicted):
        raise ValueError(f"{len(predicted)} sentences are tagged, expected {len(expected)}")
    for index, (wanted, found) in enumerate(zip(expected, predicted, strict=True)):
        if len(wanted) != len(found):
            raise ValueError(f"sentence {index} has {len(found)} predicted tags, expected one a word, {len(wanted)}")


def memberships(labels: Sequence[Collection[str]], classes: Sequence[str]) -> np.ndarray:
    """Whether each text is of each class, bool [texts, classes], from the labels of the texts."""
    return np.array([[name in of_text for name in classes] for of_text in labels])


def labels_from(probabilities: np.ndarray, classes: Sequence[str], threshold: float) -> list[str]:
    """Labels whose probability reaches the threshold, in float32, as the model itself compares them."""
    given = np.asarray(probabilities, np.float32) >= np.float32(threshold)
    return [classes[index] for index in np.flatnonzero(given)]


def right_words(expected: Sequence[str], predicted: Sequence[str]) -> int:
    """Number of words of a sentence that have the tag that is expected."""
    return sum(wanted == found for wanted, found in zip(expected, predicted, strict=True))


def text_units(labels: Collection[str]) -> set[Unit]:
    """The labels of a text as units."""
    return {(label, 0, 0) for label in labels}


def word_units(tags: Sequence[Collection[str]]) -> set[Unit]:
    """The tags of a sentence, any number a word, as units."""
    return {(tag, word, word) for word, of_word in enumerate(tags) for tag in of_word}


def entity_units(tags: Sequence[str]) -> set[Unit]:
    """The entities of a sentence with `bio` or `bioes` tags, as units: type, first and last word."""
    return set(get_entities(list(tags)))


def _units_of_both(
    expected: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], scheme: TagScheme
) -> tuple[list[set[Unit]], list[set[Unit]]]:
    def units(tags: Sequence[str]) -> set[Unit]:
        return word_units([[tag] for tag in tags]) if scheme == "plain" else entity_units(tags)

    return [units(tags) for tags in expected], [units(tags) for tags in predicted]


class _Matches:
    """Units that are predicted and expected, by row and label."""

    def __init__(self, expected: Sequence[Set[Unit]], predicted: Sequence[Set[Unit]]):
        right = [wanted & found for wanted, found in zip(expected, predicted, strict=True)]
        self.labels = sorted({label for rows in (expected, predicted) for units in rows for label, *_ in units})
        ids = {label: index for index, label in enumerate(self.labels)}
        self._occurrences = []
        for rows in (right, predicted, expected):
            pairs = [(row, ids[label]) for row, units in enumerate(rows) for label, *_ in units]
            self._occurrences.append(np.array(pairs, int).reshape(-1, 2).T)

    def counts(self, counts: np.ndarray) -> np.ndarray:
        """Of each label the units that are right, predicted and expected, float64 [3, labels]."""
        return np.array([np.bincount(ids, counts[rows], minlength=len(self.labels)) for rows, ids in self._occurrences])


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
    return _Ranking(probabilities, there).mean_area(np.ones(len(probabilities)))


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


class _Ranking:
    """Texts ranked by the probability of each class."""

    def __init__(self, probabilities: np.ndarray, there: np.ndarray):
        """Ranks float64 [texts, classes], with bool [texts, classes], whether a text is of the class."""
        self._ranks = [_dense_ranks(column) for column in probabilities.T]
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


class _Target:
    """What is expected and predicted of one target."""

    def __init__(self, expected: np.ndarray, predicted: np.ndarray):
        """Takes float64 [texts] each."""
        self._expected = expected
        self._predicted = predicted
        self._expected_ranks = _dense_ranks(expected)
        self._predicted_ranks = _dense_ranks(predicted)

    def pearson(self, counts: np.ndarray) -> float:
        """Correlation of the numbers."""
        return _correlation(self._expected, self._predicted, counts)

    def spearman(self, counts: np.ndarray) -> float:
        """Correlation of their ranks."""
        expected, predicted = (_mean_ranks(dense, counts) for dense in (self._expected_ranks, self._predicted_ranks))
        return _correlation(expected, predicted, counts)

    def one_minus_wmae(self, counts: np.ndarray) -> float:
        """1 less the mean over the expected values of the mean absolute error of their texts.

        The errors are in units of the range of the expected values, and predictions beyond it count as its ends. nan
        where there is one expected value.
        """
        occurring = self._expected[counts > 0]
        low, high = occurring.min(), occurring.max()
        if low == high:
            return math.nan
        errors = np.abs(self._predicted.clip(low, high) - self._expected) / (high - low)
        texts = np.bincount(self._expected_ranks, counts)
        means = np.bincount(self._expected_ranks, counts * errors)[texts > 0] / texts[texts > 0]
        return 1 - float(means.mean())


def _dense_ranks(values: np.ndarray) -> np.ndarray:
    """Index of each value among the sorted distinct ones."""
    return np.unique(values, return_inverse=True)[1]


def _mean_ranks(dense_ranks: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Ranks from 1 on among all texts, each as often as it counts; equal values have the mean of theirs."""
    texts = np.bincount(dense_ranks, counts)
    return (np.cumsum(texts) - (texts - 1) / 2)[dense_ranks]


def _correlation(first: np.ndarray, second: np.ndarray, counts: np.ndarray) -> float:
    occur = counts > 0
    if np.ptp(first[occur]) == 0 or np.ptp(second[occur]) == 0:
        return 0.0
    first, second = (values - counts @ values / counts.sum() for values in (first, second))
    return correlation(counts @ (first * first), counts @ (second * second), counts @ (first * second))


def correlation(first_squares: float, second_squares: float, products: float) -> float:
    """Pearson's correlation from sums of squares and products of deviations from the means; 0 where these are all 0."""
    if not first_squares or not second_squares:
        return 0.0
    return float(np.clip(products / math.sqrt(first_squares) / math.sqrt(second_squares), -1, 1))
