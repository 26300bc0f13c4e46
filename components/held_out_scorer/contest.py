"""The model and its baselines, asked the same rows, by task."""

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import binomtest

from ulmfit_tfx.components.reports.held_out import MAJORITY, MEAN, MOST_FREQUENT_TAG, TFIDF
from ulmfit_tfx.evaluation import baselines
from ulmfit_tfx.evaluation.scores import (
    ClassificationRows,
    Interval,
    MultiLabelRows,
    MultiLabelTaggingRows,
    RegressionRows,
    Rows,
    TaggingRows,
    with_intervals,
)
from ulmfit_tfx.schemas.config import TagScheme
from ulmfit_tfx.transforms.records.record import Row

Answers = np.ndarray | list[list[str]]
"""To rows: float [rows, classes or targets], or of a tagger the tags of each row's words."""


class Contest(abc.ABC):
    """What is asked of the systems of a task, and how their answers are scored."""

    @abc.abstractmethod
    def of_model(self, predictor: Any, rows: Sequence[Row]) -> Answers:
        """Answers of a model, as `load_predictor` gives it."""

    @abc.abstractmethod
    def of_baselines(self, train: Sequence[Row], rows: Sequence[Row], seed: int) -> Mapping[str, Answers | None]:
        """Answers of the baselines, by name; None for one that cannot answer."""

    @abc.abstractmethod
    def scored(self, rows: Sequence[Row], answers: Any) -> Rows:
        """Holds answers against what is expected."""


def contest_of(info: Mapping[str, Any]) -> Contest:
    """The contest of a model's task.

    Args:
        info: The model's information file.
    """
    task, details, labels = info["task"], info["details"], info["labels"]
    if task == "regression":
        return Regression(details["targets"])
    if task == "tagging":
        return Tagging(details["scheme"], details["tag_separator"])
    if details["label_separator"] is None:
        return Classification(labels)
    return MultiLabel(labels, details["threshold"])


def intervals_of(scored: Rows, samples: int, seed: int) -> dict[str, Interval]:
    """Scores with 95 % intervals: Wilson's of the share of texts with the right class, else bootstrapped."""
    found = with_intervals(scored.scores, len(scored), samples, seed)
    if isinstance(scored, ClassificationRows):
        value = found["accuracy"].value
        interval = binomtest(round(value * len(scored)), len(scored)).proportion_ci(method="wilson")
        found["accuracy"] = Interval(value, float(interval.low), float(interval.high))
    return found


@dataclasses.dataclass(frozen=True)
class Classification(Contest):
    """Texts with one label each. Answers are probabilities."""

    classes: Sequence[str]

    def of_model(self, predictor: Any, rows: Sequence[Row]) -> np.ndarray:
        """Probabilities of the classes."""
        return _probabilities(predictor, rows, self.classes)

    def of_baselines(self, train: Sequence[Row], rows: Sequence[Row], seed: int) -> dict[str, np.ndarray | None]:
        """The most frequent class, and logistic regression."""
        labels = [str(row.label) for row in train]
        return {
            MAJORITY: baselines.majority_class(labels, len(rows), self.classes),
            TFIDF: baselines.linear_class(_texts(train), labels, _texts(rows), self.classes, seed, _weights(train)),
        }

    def scored(self, rows: Sequence[Row], answers: np.ndarray) -> Rows:
        """Holds the most probable class against the label."""
        return ClassificationRows([str(row.label) for row in rows], answers, self.classes)


@dataclasses.dataclass(frozen=True)
class MultiLabel(Contest):
    """Texts with any number of labels. Answers are probabilities, and the model's threshold is that of all systems."""

    classes: Sequence[str]
    threshold: float

    def of_model(self, predictor: Any, rows: Sequence[Row]) -> np.ndarray:
        """Probabilities of the classes, each by itself."""
        return _probabilities(predictor, rows, self.classes)

    def of_baselines(self, train: Sequence[Row], rows: Sequence[Row], seed: int) -> dict[str, np.ndarray | None]:
        """The most frequent labels, and a logistic regression a class."""
        labels = [row.labels or () for row in train]
        return {
            MAJORITY: baselines.majority_labels(labels, len(rows), self.classes),
            TFIDF: baselines.linear_labels(_texts(train), labels, _texts(rows), self.classes, seed, _weights(train)),
        }

    def scored(self, rows: Sequence[Row], answers: np.ndarray) -> Rows:
        """Holds the labels that reach the threshold against those of the rows."""
        return MultiLabelRows([row.labels or () for row in rows], answers, self.classes, self.threshold)


@dataclasses.dataclass(frozen=True)
class Regression(Contest):
    """Texts with numbers, which are the answers."""

    targets: Sequence[str]

    def of_model(self, predictor: Any, rows: Sequence[Row]) -> np.ndarray:
        """A number for each target."""
        answers = predictor.predict(_texts(rows))
        return np.array([[answer.scores[name] for name in self.targets] for answer in answers])

    def of_baselines(self, train: Sequence[Row], rows: Sequence[Row], seed: int) -> dict[str, np.ndarray | None]:
        """The mean, and ridge regression, in which there is no chance."""
        targets = np.array([row.targets for row in train])
        return {
            MEAN: baselines.mean_targets(targets, len(rows)),
            TFIDF: baselines.linear_targets(_texts(train), targets, _texts(rows), _weights(train)),
        }

    def scored(self, rows: Sequence[Row], answers: np.ndarray) -> Rows:
        """Holds numbers against numbers."""
        return RegressionRows([row.targets for row in rows], answers)


@dataclasses.dataclass(frozen=True)
class Tagging(Contest):
    """Words with tags, which are the answers; several tags of a word joined by `tag_separator`."""

    scheme: TagScheme
    tag_separator: str | None

    def of_model(self, predictor: Any, rows: Sequence[Row]) -> list[list[str]]:
        """Tags of the rows' own words."""
        answers = predictor.predict_words([row.words for row in rows])
        return [[word.tag for word in answer.words] for answer in answers]

    def of_baselines(self, train: Sequence[Row], rows: Sequence[Row], seed: int) -> dict[str, list[list[str]] | None]:
        """The most frequent tag of each word."""
        words, tags = [row.words for row in train], [row.tags for row in train]
        return {MOST_FREQUENT_TAG: baselines.most_frequent_tags(words, tags, [row.words for row in rows])}

    def scored(self, rows: Sequence[Row], answers: Sequence[Sequence[str]]) -> Rows:
        """Holds tags against tags."""
        expected = [row.tags for row in rows]
        if self.tag_separator is None:
            return TaggingRows(expected, answers, self.scheme)
        return MultiLabelTaggingRows(self._sets(expected), self._sets(answers))

    def _sets(self, rows: Sequence[Sequence[str]]) -> list[list[set[str]]]:
        return [[set(tags.split(self.tag_separator)) if tags else set() for tags in row] for row in rows]


def _texts(rows: Sequence[Row]) -> list[str]:
    return [row.text for row in rows]


def _weights(rows: Sequence[Row]) -> list[float] | None:
    """Weights of rows; None where they have none."""
    weights = [row.weight for row in rows if row.weight is not None]
    return weights if len(weights) == len(rows) else None


def _probabilities(predictor: Any, rows: Sequence[Row], classes: Sequence[str]) -> np.ndarray:
    answers = predictor.predict(_texts(rows))
    return np.array([[answer.probabilities[name] for name in classes] for answer in answers])
