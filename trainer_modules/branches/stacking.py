"""Stacks branches: one output of all, with a weight each that is not negative.

Breiman 1996, Stacked regressions, https://doi.org/10.1007/BF00117832: weights below zero fit noise, and without them
the stack is at least as good as its best member on the rows that it is fitted on.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
from scipy.optimize import minimize

from ulmfit_tfx.trainer_modules.branches.objectives import ConvexObjective

_PULL = 1e-3
"""Of the weights to equal ones: it decides where branches say the same."""


@dataclasses.dataclass(frozen=True)
class Stack:
    """How branches are added up.

    Attributes:
        weights: By name.
        bias: float64 [outputs].
        loss: Mean loss on the rows that it was fitted on.
    """

    weights: Mapping[str, float]
    bias: np.ndarray
    loss: float


def fit_stack(
    objective: ConvexObjective, unseen: Mapping[str, np.ndarray], targets: np.ndarray, weights: np.ndarray | None
) -> Stack:
    """Fits weights and bias.

    Args:
        objective: Of the task.
        unseen: By branch, outputs for rows that it was not fitted on, float64 [rows, outputs].
        targets: Of the rows.
        weights: What each row counts; None: all the same.
    """
    answers = np.stack(list(unseen.values()))
    branches = len(answers)
    shares = np.full(len(targets), 1 / len(targets)) if weights is None else weights / weights.sum()

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        of_branch, bias = parameters[:branches], parameters[branches:]
        outputs = np.tensordot(of_branch, answers, 1) + bias
        pulled = of_branch - 1 / branches
        residuals = objective.residuals(outputs, targets) * shares[:, None]
        gradient = np.concatenate(
            [np.tensordot(answers, residuals, 2) + 2 * _PULL * pulled, residuals.sum(axis=0) + 2 * _PULL * bias]
        )
        pull = _PULL * (pulled @ pulled + bias @ bias)
        return float(shares @ objective.losses(outputs, targets)) + pull, gradient

    start = np.concatenate([np.full(branches, 1 / branches), np.zeros(objective.outputs)])
    bounds = [(0, None)] * branches + [(None, None)] * objective.outputs
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    outputs = np.tensordot(found[:branches], answers, 1) + found[branches:]
    return Stack(
        dict(zip(unseen, found[:branches].tolist(), strict=True)),
        found[branches:],
        float(shares @ objective.losses(outputs, targets)),
    )
