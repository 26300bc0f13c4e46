"""Fits a branch, with the regularization that answers unseen rows best, and its answers to rows that it did not see.

The answers out of fold are what a stacked model is fitted on (Wolpert 1992, Stacked generalization,
https://doi.org/10.1016/S0893-6080(05)80023-1).
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse

from ulmfit_tfx.trainer_modules.branches.objectives import ConvexObjective, Fold, Linear


@dataclasses.dataclass(frozen=True)
class FittedBranch:
    """A branch that was fitted.

    Attributes:
        linear: On all rows, on the features as they come.
        unseen: Outputs for each row by models that were fitted without it, float64 [rows, outputs].
        strength: Inverse of the regularization that was chosen.
        loss: Mean loss of `unseen`.
    """

    linear: Linear
    unseen: np.ndarray
    strength: float
    loss: float


def fit_branch(
    objective: ConvexObjective,
    features: Any,
    targets: np.ndarray,
    weights: np.ndarray | None,
    folds: Sequence[Fold],
) -> FittedBranch:
    """Fits a branch.

    Args:
        objective: Of the task.
        features: float [rows, features]: sparse ones are taken as they are, dense ones are standardized.
        targets: Of the rows.
        weights: What each row counts; None: all the same.
        folds: Each row is answered in one of them.
    """
    is_sparse = scipy.sparse.issparse(features)
    scaling = _Occurring.of(features) if is_sparse else _Scaling.of(features)
    scaled = scaling(features)
    best: tuple[float, float, np.ndarray] | None = None
    for strength in objective.sparse_strengths if is_sparse else objective.dense_strengths:
        unseen = np.zeros((features.shape[0], objective.outputs))
        for fitted, answered in folds:
            of_fold = None if weights is None else weights[fitted]
            unseen[answered] = objective.fit(scaled[fitted], targets[fitted], of_fold, strength)(scaled[answered])
        loss = float(np.average(objective.losses(unseen, targets), weights=weights))
        if best is None or loss < best[0]:
            best = loss, strength, unseen
    assert best is not None
    loss, strength, unseen = best
    linear = scaling.unscaled(objective.fit(scaled, targets, weights, strength))
    return FittedBranch(linear, unseen, strength, loss)


@dataclasses.dataclass(frozen=True)
class _Scaling:
    """Standardization of features."""

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> "_Scaling":
        deviation = features.std(axis=0, dtype=np.float64)
        return cls(features.mean(axis=0, dtype=np.float64), np.where(deviation > 0, deviation, 1.0))

    def __call__(self, features: np.ndarray) -> np.ndarray:
        return (features - self.mean) / self.scale

    def unscaled(self, linear: Linear) -> Linear:
        weights = linear.weights / self.scale[:, None]
        return Linear(weights, linear.bias - self.mean @ weights)


@dataclasses.dataclass(frozen=True)
class _Occurring:
    """The features that some row has, of a space of many. The others have weights of 0."""

    size: int
    columns: np.ndarray

    @classmethod
    def of(cls, features: Any) -> "_Occurring":
        return cls(features.shape[1], np.unique(features.indices))

    def __call__(self, features: Any) -> Any:
        return features[:, self.columns]

    def unscaled(self, linear: Linear) -> Linear:
        weights = np.zeros((self.size, linear.weights.shape[1]))
        weights[self.columns] = linear.weights
        return Linear(weights, linear.bias)
