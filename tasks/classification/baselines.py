"""A classifier among its baselines: the most frequent class, and logistic regression on TF-IDF.

Of both there are probabilities, as of the model, so that the same scores are computed of them.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import sklearn
from scipy.stats import binomtest
from sklearn.dummy import DummyClassifier
from sklearn.multiclass import OneVsRestClassifier

from ulmfit_tfx.evaluation import catalogue
from ulmfit_tfx.evaluation.contest import Contest, most_frequent, texts_of, weights_of
from ulmfit_tfx.evaluation.intervals import Bootstrap, Interval
from ulmfit_tfx.evaluation.linear_baselines import (
    answers,
    chosen_c,
    logistic_regression,
    rows_to_fit,
    text_features,
)
from ulmfit_tfx.evaluation.scores import Rows
from ulmfit_tfx.tasks.classification.predictor import Prediction
from ulmfit_tfx.tasks.classification.scores import ClassificationRows, MultiLabelRows
from ulmfit_tfx.transforms.records.record import Row

_LEAST_SHARE = 0.01
"""Of a row for a class, below which it is left out."""
_LABELLED_SHARE = 0.1
"""Of labelled rows among those that a teacher speaks of, as `distillation.gold_rows` has it by default."""
_Class = TypeVar("_Class", str, int)
_LABELS_VALIDATED = 5
"""Of texts with several, that C is chosen by."""


@dataclasses.dataclass(frozen=True)
class Classification(Contest):
    """Texts with one label each. Answers are probabilities. `separator` is what stands between the texts of a pair."""

    classes: Sequence[str]
    separator: str | None = None

    @property
    def leading(self) -> str:
        """See `Contest`."""
        return "accuracy"

    def of_model(self, predictions: Sequence[Prediction]) -> np.ndarray:
        """Probabilities of the classes."""
        return _probabilities(predictions, self.classes)

    def of_baselines(self, train: Sequence[Row], rows: Sequence[Row], seed: int) -> dict[str, np.ndarray | None]:
        """The most frequent class, and logistic regression."""
        labels = [str(row.label) for row in train]
        return {
            catalogue.MAJORITY: majority_class(labels, len(rows), self.classes),
            catalogue.TFIDF: linear_class(
                texts_of(train), labels, texts_of(rows), self.classes, seed, weights_of(train), self.separator
            ),
        }

    def of_taught(self, train: Sequence[Row], rows: Sequence[Row], seed: int) -> dict[str, np.ndarray | None]:
        """Logistic regression on the teacher's probabilities too."""
        distributions = taught_distributions(train, self.classes)
        return {
            catalogue.TAUGHT_TFIDF: linear_distribution(
                texts_of(train), distributions, texts_of(rows), seed, taught_weights(train), self.separator
            )
        }

    def scored(self, rows: Sequence[Row], answers: np.ndarray) -> Rows:
        """Holds the most probable class against the label."""
        return ClassificationRows([str(row.label) for row in rows], answers, self.classes)

    def intervals(self, scored: Rows, found: Bootstrap) -> dict[str, Interval]:
        """Scores with 95 % intervals: Wilson's of the share of texts with the right class, else bootstrapped."""
        share, rows = found.scores["accuracy"], len(scored)
        interval = binomtest(round(share * rows), rows).proportion_ci(method="wilson")
        return found.intervals() | {"accuracy": Interval(share, float(interval.low), float(interval.high))}


@dataclasses.dataclass(frozen=True)
class MultiLabel(Contest):
    """Texts with any number of labels. Answers are probabilities, and the model's threshold is that of all systems.

    `separator` is what stands between the texts of a pair.
    """

    classes: Sequence[str]
    threshold: float
    separator: str | None = None

    @property
    def leading(self) -> str:
        """See `Contest`."""
        return "micro_f1"

    def of_model(self, predictions: Sequence[Prediction]) -> np.ndarray:
        """Probabilities of the classes, each by itself."""
        return _probabilities(predictions, self.classes)

    def of_baselines(self, train: Sequence[Row], rows: Sequence[Row], seed: int) -> dict[str, np.ndarray | None]:
        """The most frequent labels, and a logistic regression a class."""
        labels = [row.labels or () for row in train]
        return {
            catalogue.MAJORITY: majority_labels(labels, len(rows), self.classes),
            catalogue.TFIDF: linear_labels(
                texts_of(train), labels, texts_of(rows), self.classes, seed, weights_of(train), self.separator
            ),
        }

    def scored(self, rows: Sequence[Row], answers: np.ndarray) -> Rows:
        """Holds the labels that reach the threshold against those of the rows."""
        return MultiLabelRows([row.labels or () for row in rows], answers, self.classes, self.threshold)


def majority_class(train_labels: Sequence[str], rows: int, classes: Sequence[str]) -> np.ndarray:
    """Answers each row with the shares of the classes in training, of which the largest is the label.

    Returns:
        float64 [rows, classes].
    """
    model = DummyClassifier(strategy="prior").fit(np.zeros((len(train_labels), 1)), train_labels)
    return _by_class(model.predict_proba(np.zeros((rows, 1))), model.classes_, classes)


def linear_class(
    train_texts: Sequence[str],
    train_labels: Sequence[str],
    texts: Sequence[str],
    classes: Sequence[str],
    seed: int,
    weights: Sequence[float] | None = None,
    separator: str | None = None,
) -> np.ndarray | None:
    """Answers of logistic regression on TF-IDF, see `TextFeatures`, with C by cross-validation.

    Args:
        train_texts: Fitted on.
        train_labels: Theirs. Where they are all the same, each text is answered with it.
        texts: To be labelled, one at least.
        classes: The columns of the result. One that never occurs in training has probability 0.
        seed: Of samples, folds and regression.
        weights: What each row of training counts; None: all the same.
        separator: Between the two texts of a pair, see `TextFeatures`.

    Returns:
        float64 [texts, classes]; None where the texts hold nothing to count.
    """
    rows = rows_to_fit(train_texts, weights, seed)
    labels = np.array(train_labels)[rows]
    found = np.unique(labels)
    if len(found) == 1:
        return majority_class(labels.tolist(), len(texts), classes)
    fitted = [train_texts[row] for row in rows]
    features = text_features(fitted, separator, 1 if len(found) == 2 else len(found))
    if features is None:
        return None
    terms, counted = features.of_train(), None if weights is None else np.array(weights)[rows]
    penalty = chosen_c(terms, [labels], counted, seed)
    model = logistic_regression(penalty, seed).fit(terms, labels, sample_weight=counted)
    return _by_class(answers(model.predict_proba, features, texts), model.classes_, classes)


def taught_distributions(rows: Sequence[Row], classes: Sequence[str]) -> np.ndarray:
    """What label and teacher say of rows, each half where there are both: float64 [rows, classes]."""
    order = [sorted(classes).index(name) for name in classes]
    found = np.zeros((len(rows), len(classes)))
    for number, row in enumerate(rows):
        if row.teacher_probabilities:
            found[number] = np.array(row.teacher_probabilities)[order]
        if not row.is_transfer:
            label = np.array([name == row.label for name in classes], float)
            found[number] = (found[number] + label) / (2 if row.teacher_probabilities else 1)
    return found


def taught_weights(rows: Sequence[Row]) -> list[float]:
    """What each row counts: its own weight, labelled ones so much more that they are a tenth of the rows.

    That is what a training makes of them by default.
    """
    labelled = np.array([not row.is_transfer for row in rows])
    weights = np.array(weights_of(rows) or np.ones(len(rows)), float)
    wanted = _LABELLED_SHARE / (1 - _LABELLED_SHARE) * (~labelled).sum() / max(labelled.sum(), 1)
    return (np.where(labelled, max(wanted, 1.0), 1.0) * weights).tolist()


def linear_distribution(
    train_texts: Sequence[str],
    distributions: np.ndarray,
    texts: Sequence[str],
    seed: int,
    weights: Sequence[float] | None = None,
    separator: str | None = None,
) -> np.ndarray | None:
    """As `linear_class`, of texts with a distribution each: a row counts for a class as much as this is probable.

    Args:
        train_texts: Fitted on.
        distributions: Theirs, float64 [texts, classes].
        texts: To be labelled, one at least.
        seed: Of samples, folds and regression.
        weights: What each row of training counts; None: all the same.
        separator: Between the two texts of a pair, see `TextFeatures`.

    Returns:
        float64 [texts, classes]; None where the texts hold nothing to count, or one class alone is probable.
    """
    kept = rows_to_fit(train_texts, weights, seed)
    likeliest = distributions[kept].argmax(axis=1)
    if len(np.unique(likeliest)) == 1:
        return None
    features = text_features([train_texts[row] for row in kept], separator, distributions.shape[1])
    if features is None:
        return None
    terms = features.of_train()
    shares = distributions[kept]
    rows, labels = np.nonzero(shares >= np.minimum(_LEAST_SHARE, shares.max(axis=1, keepdims=True)))
    counted = None if weights is None else np.array(weights)[kept]
    model = logistic_regression(chosen_c(terms, [likeliest], counted, seed), seed)
    of_rows = shares[rows, labels] * (1 if counted is None else counted[rows])
    model.fit(terms[rows], labels, sample_weight=of_rows)
    found = answers(model.predict_proba, features, texts)
    return _by_class(found, model.classes_, range(distributions.shape[1]))


def majority_labels(train_labels: Sequence[Sequence[str]], rows: int, classes: Sequence[str]) -> np.ndarray:
    """Answers each row with the labels that more than half of the rows of training have.

    Where there is none, with the labels that most often occur together, which may be none at all.

    Returns:
        float64 [rows, classes], 1 for a label that is given, else 0.
    """
    counts = Counter(label for labels in train_labels for label in set(labels))
    given: Sequence[str] = [label for label, count in counts.items() if 2 * count > len(train_labels)]
    if not given:
        given = most_frequent(Counter(tuple(sorted(set(labels))) for labels in train_labels))
    return np.tile([float(name in given) for name in classes], (rows, 1))


def linear_labels(
    train_texts: Sequence[str],
    train_labels: Sequence[Sequence[str]],
    texts: Sequence[str],
    classes: Sequence[str],
    seed: int,
    weights: Sequence[float] | None = None,
    separator: str | None = None,
) -> np.ndarray | None:
    """As `linear_class`, of texts with any number of labels: one regression a class, against the rest.

    C is the same for all classes, chosen by those that are nearest to half of the rows.

    Returns:
        float64 [texts, classes]; None where the texts hold nothing to count.
    """
    rows = rows_to_fit(train_texts, weights, seed)
    fitted = [train_texts[row] for row in rows]
    features = text_features(fitted, separator, len(classes))
    if features is None:
        return None
    given = np.array([[name in train_labels[row] for name in classes] for row in rows], int)
    is_told_apart = given.any(axis=0) & ~given.all(axis=0)
    probabilities = np.tile(given.mean(axis=0), (len(texts), 1))
    if is_told_apart.any():
        terms, counted = features.of_train(), None if weights is None else np.array(weights)[rows]
        told_apart = given[:, is_told_apart]
        even = np.argsort(np.abs(told_apart.mean(axis=0) - 0.5), kind="stable")[:_LABELS_VALIDATED]
        regression = logistic_regression(chosen_c(terms, list(told_apart.T[even]), counted, seed), seed)
        # Without routing, scikit-learn does not hand weights on to the regressions.
        with sklearn.config_context(enable_metadata_routing=True):
            weighted = {} if counted is None else {"sample_weight": counted}
            model = OneVsRestClassifier(regression.set_fit_request(sample_weight=True)).fit(
                terms, told_apart, **weighted
            )
        found = answers(model.predict_proba, features, texts)  # of one class alone, that of the rest stands before it
        probabilities[:, is_told_apart] = found[:, -is_told_apart.sum() :]
    return probabilities


def _by_class(probabilities: np.ndarray, found: Sequence[_Class], classes: Sequence[_Class]) -> np.ndarray:
    column_of = {name: column for column, name in enumerate(found)}
    absent = np.zeros(len(probabilities))
    columns = [probabilities[:, column_of[name]] if name in column_of else absent for name in classes]
    return np.stack(columns, axis=1)


def _probabilities(predictions: Sequence[Prediction], classes: Sequence[str]) -> np.ndarray:
    return np.array([[prediction.probabilities[name] for name in classes] for prediction in predictions])
