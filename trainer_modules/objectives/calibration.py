"""Temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599, section 4.2).

A model's logits are divided by one number, fitted on rows that it was not trained on, so that of the answers that are
given with probability 0.8 about 80 % are right. Which answer is the most probable does not change.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

LOWEST = 0.05
HIGHEST = 20.0
"""Between them a temperature is looked for."""

_TOLERANCE = 1e-4


def fitted_temperature(negative_log_likelihood: Callable[[float], float]) -> float:
    """The temperature with the lowest negative log likelihood, and 1.0 where the rows do not tell.

    They do not where it falls all the way down to the lowest temperature: every row is right, and the more certain a
    model is of such rows, the better, without end. Neither do they where it is constant or no finite number. Where it
    falls all the way up to the highest temperature, the logits are worse than none, and the answer is `HIGHEST`.

    Args:
        negative_log_likelihood: Of all rows or their mean, given a temperature. It is called about 20 times.

    Returns:
        The temperature, from `LOWEST` to `HIGHEST`. Its negative log likelihood is not above that of 1.0.
    """

    def loss(temperature: float) -> float:
        value = float(negative_log_likelihood(temperature))
        return value if math.isfinite(value) else math.inf

    with np.errstate(invalid="ignore"):  # no parabola lies through an infinite loss; SciPy goes on without
        found = minimize_scalar(
            lambda log_temperature: loss(math.exp(log_temperature)),
            bounds=(math.log(LOWEST), math.log(HIGHEST)),
            method="bounded",
            options={"xatol": _TOLERANCE},
        )
    losses = {temperature: loss(temperature) for temperature in (LOWEST, 1.0, math.exp(found.x), HIGHEST)}
    best = min(losses, key=losses.__getitem__)
    return 1.0 if best == LOWEST or losses[best] == losses[1.0] else best


def softmax_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature of a classifier with one label a row.

    Args:
        logits: float [rows, classes].
        labels: int [rows], from 0 to classes - 1.

    Returns:
        See `fitted_temperature`; 1.0 where there are no rows or a logit is no finite number.
    """
    logits = np.asarray(logits, "float64")
    rows = np.arange(len(logits))
    return _fitted(logits, lambda scaled: -log_softmax(scaled, axis=-1)[rows, labels])


def sigmoid_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """The temperature of a classifier with several labels a row.

    Args:
        logits: float [rows, classes].
        targets: [rows, classes], 1 where the row has the label, else 0.

    Returns:
        See `fitted_temperature`; 1.0 where there are no rows or a logit is no finite number.
    """
    logits, targets = np.asarray(logits, "float64"), np.asarray(targets, "float64")
    return _fitted(logits, lambda scaled: np.logaddexp(0, scaled) - targets * scaled)


def _fitted(logits: np.ndarray, losses: Callable[[np.ndarray], np.ndarray]) -> float:
    if not logits.size or not np.isfinite(logits).all():
        return 1.0
    return fitted_temperature(lambda temperature: float(np.mean(losses(logits / temperature))))
