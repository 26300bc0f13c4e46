"""The scores of regressors."""

import math

import numpy as np
from numpy.typing import ArrayLike

from ulmfit_tfx.evaluation.scores import Rows, dense_ranks, finite


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


def regression_scores(expected: ArrayLike, predicted: ArrayLike) -> dict[str, float]:
    """Scores of `RegressionRows`."""
    return RegressionRows(expected, predicted).scores()


class _Target:
    """What is expected and predicted of one target."""

    def __init__(self, expected: np.ndarray, predicted: np.ndarray):
        """Takes float64 [texts] each."""
        self._expected = expected
        self._predicted = predicted
        self._expected_ranks = dense_ranks(expected)
        self._predicted_ranks = dense_ranks(predicted)

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
