"""Convex objectives: what linear models of texts are fitted to, by scikit-learn."""

import abc
import dataclasses
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, log_softmax, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold

Fold = tuple[np.ndarray, np.ndarray]
"""Rows to fit on, and rows to answer."""

_NEVER = 1e-6
"""Probability of a class without a row."""
_LEAST_SHARE = 0.01
"""Of a row for a class. Of many classes most have less, and together hardly any: a row counts for a few of them."""
_MOST_ITERATIONS = 300


class Linear(NamedTuple):
    """A linear model.

    Attributes:
        weights: float64 [features, outputs].
        bias: float64 [outputs].
    """

    weights: np.ndarray
    bias: np.ndarray

    @property
    def size(self) -> int:
        """Numbers that are not 0."""
        return np.count_nonzero(self.weights) + len(self.bias)

    def __call__(self, features: Any) -> np.ndarray:
        """Outputs, float64 [rows, outputs], of features, dense or sparse [rows, features]."""
        return features @ self.weights + self.bias


class ConvexObjective(abc.ABC):
    """Of a task: how a linear model is fitted, and how outputs are held against targets.

    Attributes:
        outputs: Numbers a row.
        sparse_strengths: Inverses of regularization that are tried on rows of norm 1.
        dense_strengths: The same on standardized features.
    """

    outputs: int
    sparse_strengths: Sequence[float]
    dense_strengths: Sequence[float]

    @abc.abstractmethod
    def fit(self, features: Any, targets: np.ndarray, weights: np.ndarray | None, strength: float) -> Linear:
        """Fits a linear model.

        Args:
            features: float [rows, features], dense or sparse.
            targets: Of the rows.
            weights: What each row counts; None: all the same.
            strength: Inverse of the regularization.
        """

    @abc.abstractmethod
    def losses(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Of each row, float64 [rows]."""

    @abc.abstractmethod
    def residuals(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Derivatives of the losses by the outputs, float64 [rows, outputs]."""

    def folds(self, targets: np.ndarray, number: int, seed: int) -> Iterator[Fold]:
        """Splits rows so that each is answered once, by a model that did not see it."""
        return KFold(number, shuffle=True, random_state=seed).split(targets)


@dataclasses.dataclass(frozen=True)
class OneLabel(ConvexObjective):
    """One of several classes: multinomial logistic regression. Targets are int [rows]; outputs are logits."""

    outputs: int
    sparse_strengths: Sequence[float] = (1.0, 10.0, 100.0)
    dense_strengths: Sequence[float] = (1e-3, 1e-2, 1e-1, 1.0)

    def fit(self, features: Any, targets: np.ndarray, weights: np.ndarray | None, strength: float) -> Linear:
        """See `ConvexObjective`. A class without a row is never the answer."""
        result = Linear(np.zeros((features.shape[1], self.outputs)), np.full(self.outputs, np.log(_NEVER)))
        found = np.unique(targets)
        if len(found) == 1:
            result.bias[found] = 0.0
            return result
        model = _converged(LogisticRegression(C=strength, max_iter=_MOST_ITERATIONS), features, targets, weights)
        if len(found) == 2:  # of which scikit-learn gives the logit of the second
            coefficients, intercept = np.concatenate([-model.coef_, model.coef_]) / 2, model.intercept_ / 2
            intercept = np.concatenate([-intercept, intercept])
        else:
            coefficients, intercept = model.coef_, model.intercept_
        result.weights[:, found] = coefficients.T
        result.bias[found] = intercept
        return result

    def losses(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Cross-entropy in nats."""
        return -np.take_along_axis(log_softmax(outputs, axis=1), targets[:, None], axis=1)[:, 0]

    def residuals(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """See `ConvexObjective`."""
        return softmax(outputs, axis=1) - np.eye(self.outputs)[targets]

    def folds(self, targets: np.ndarray, number: int, seed: int) -> Iterator[Fold]:
        """With the same shares of the classes in all folds, as far as these have rows enough."""
        if np.bincount(targets).max() < number:
            yield from super().folds(targets, number, seed)
            return
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            yield from StratifiedKFold(number, shuffle=True, random_state=seed).split(targets, targets)


@dataclasses.dataclass(frozen=True)
class Distribution(OneLabel):
    """A distribution over classes, such as a teacher's. Targets are float [rows, classes] that sum to 1.

    It is what `OneLabel` is where each row has one class.
    """

    def fit(self, features: Any, targets: np.ndarray, weights: np.ndarray | None, strength: float) -> Linear:
        """See `ConvexObjective`. A row counts for each of its classes as much as this is probable."""
        least = np.minimum(_LEAST_SHARE, targets.max(axis=1, keepdims=True))  # of very many classes each may be below
        kept = np.where(targets < least, 0.0, targets)
        kept /= kept.sum(axis=1, keepdims=True)
        rows, classes = np.nonzero(kept)
        shares = kept[rows, classes] * (1 if weights is None else weights[rows])
        return super().fit(features[rows], classes, shares, strength)

    def losses(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Cross-entropy in nats."""
        return -np.sum(targets * log_softmax(outputs, axis=1), axis=1)

    def residuals(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """See `ConvexObjective`."""
        return softmax(outputs, axis=1) - targets

    def folds(self, targets: np.ndarray, number: int, seed: int) -> Iterator[Fold]:
        """By the most probable class."""
        return super().folds(targets.argmax(axis=1), number, seed)


@dataclasses.dataclass(frozen=True)
class SeveralLabels(ConvexObjective):
    """Any number of labels: a logistic regression each. Targets are float [rows, labels]; outputs are logits."""

    outputs: int
    sparse_strengths: Sequence[float] = OneLabel.sparse_strengths
    dense_strengths: Sequence[float] = OneLabel.dense_strengths

    def fit(self, features: Any, targets: np.ndarray, weights: np.ndarray | None, strength: float) -> Linear:
        """See `ConvexObjective`. A label that all rows have, or none, is given by its share alone."""
        share = np.clip(np.average(targets, axis=0, weights=weights), _NEVER, 1 - _NEVER)
        result = Linear(np.zeros((features.shape[1], self.outputs)), np.log(share / (1 - share)))
        for label in np.flatnonzero(targets.any(axis=0) & ~targets.all(axis=0)):
            regression = LogisticRegression(C=strength, max_iter=_MOST_ITERATIONS)
            model = _converged(regression, features, targets[:, label].astype(int), weights)
            result.weights[:, label], result.bias[label] = model.coef_[0], model.intercept_[0]
        return result

    def losses(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Binary cross-entropy in nats, mean of the labels."""
        return np.mean(np.logaddexp(0, outputs) - targets * outputs, axis=1)

    def residuals(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """See `ConvexObjective`."""
        return (expit(outputs) - targets) / self.outputs


@dataclasses.dataclass(frozen=True)
class Numbers(ConvexObjective):
    """Numbers: ridge regression. Targets are float [rows, targets]."""

    outputs: int
    sparse_strengths: Sequence[float] = (0.1, 0.3, 1.0, 3.0)
    dense_strengths: Sequence[float] = (1e-4, 1e-3, 1e-2, 1e-1)

    def fit(self, features: Any, targets: np.ndarray, weights: np.ndarray | None, strength: float) -> Linear:
        """See `ConvexObjective`."""
        model = Ridge(alpha=1 / strength, tol=1e-6).fit(features, targets, sample_weight=weights)
        return Linear(np.reshape(model.coef_, (self.outputs, -1)).T, np.reshape(model.intercept_, self.outputs))

    def losses(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Half of the squared error, mean of the targets."""
        return np.mean((outputs - targets) ** 2, axis=1) / 2

    def residuals(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """See `ConvexObjective`."""
        return (outputs - targets) / self.outputs


def _converged(
    model: LogisticRegression, features: Any, targets: np.ndarray, weights: np.ndarray | None
) -> LogisticRegression:
    """Fits. One that has not fully converged after many steps is as good in what it answers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, targets, sample_weight=weights)
