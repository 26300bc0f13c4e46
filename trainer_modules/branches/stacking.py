"""Stacks branches: one output of all, with a weight each that is not negative.

Breiman 1996, Stacked regressions, https://doi.org/10.1007/BF00117832: weights below zero fit noise, and without them
the stack is at least as good as its best member on the rows that it is fitted on.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import minimize

from ulmfit_tfx.trainer_modules.branches.objectives import ConvexObjective

_PULL = 1e-3
"""Of the weights to those that are expected: it decides where branches say the same."""
_SUM = "sum"


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

    def __call__(self, answers: Mapping[str, np.ndarray]) -> np.ndarray:
        """Outputs, float64 [rows, outputs], of those of the branches by name."""
        parts = [weight * answers[name] for name, weight in self.weights.items()]
        return np.sum(parts, axis=0) + self.bias


def fit_stack(
    objective: ConvexObjective,
    unseen: Mapping[str, np.ndarray],
    targets: np.ndarray,
    weights: np.ndarray | None,
    expected: Sequence[float] | None = None,
    pull: float = _PULL,
) -> Stack:
    """Fits weights and bias.

    Args:
        objective: Of the task.
        unseen: By branch, outputs for rows that it was not fitted on, float64 [rows, outputs].
        targets: Of the rows.
        weights: What each row counts; None: all the same.
        expected: What each branch counts as long as rows do not tell. None: all the same, 1 in all.
        pull: How much that counts.
    """
    answers = np.stack(list(unseen.values()))
    branches = len(answers)
    prior = np.full(branches, 1 / branches) if expected is None else np.asarray(expected)
    shares = np.full(len(targets), 1 / len(targets)) if weights is None else weights / weights.sum()

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        of_branch, bias = parameters[:branches], parameters[branches:]
        outputs = np.tensordot(of_branch, answers, 1) + bias
        pulled = of_branch - prior
        residuals = objective.residuals(outputs, targets) * shares[:, None]
        gradient = np.concatenate(
            [np.tensordot(answers, residuals, 2) + 2 * pull * pulled, residuals.sum(axis=0) + 2 * pull * bias]
        )
        penalty = pull * (pulled @ pulled + bias @ bias)
        return float(shares @ objective.losses(outputs, targets)) + penalty, gradient

    start = np.concatenate([prior, np.zeros(objective.outputs)])
    bounds = [(0, None)] * branches + [(None, None)] * objective.outputs
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    outputs = np.tensordot(found[:branches], answers, 1) + found[branches:]
    return Stack(
        dict(zip(unseen, found[:branches].tolist(), strict=True)),
        found[branches:],
        float(shares @ objective.losses(outputs, targets)),
    )


def stacked_with(
    objective: ConvexObjective,
    stack: Stack,
    unseen: Mapping[str, np.ndarray],
    name: str,
    outputs: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray | None,
) -> Stack:
    """Adds a branch to a stack, by fewer rows than that was fitted on: what its branches count of each other stays.

    With some twenty rows the weights of five branches would be fitted to chance. Here one is, beside that of the stack,
    and it is expected to be 0 by as much as a row tells.

    Args:
        objective: Of the task.
        stack: Of the other branches.
        unseen: By branch of it, outputs for the rows.
        name: Of the branch.
        outputs: Of it for the rows, float64 [rows, outputs].
        targets: Of the rows.
        weights: What each row counts; None: all the same.
    """
    pull = max(_PULL, 1 / len(targets))
    both = fit_stack(objective, {_SUM: stack(unseen), name: outputs}, targets, weights, [1, 0], pull)
    of_sum = both.weights[_SUM]
    return Stack(
        {of_stack: of_sum * weight for of_stack, weight in stack.weights.items()} | {name: both.weights[name]},
        both.bias + of_sum * stack.bias,
        both.loss,
    )
