"""The scores of regressors as TFMA metrics, see `ulmfit_tfx.evaluation.metrics`."""

import math
from typing import NamedTuple

import numpy as np
import tensorflow_model_analysis as tfma

from ulmfit_tfx.evaluation.eval_config import metric_config, rows_eval_config
from ulmfit_tfx.evaluation.metrics import Outputs, ScoreMetric, Statistic, mean_of, output
from ulmfit_tfx.evaluation.scores import finite
from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.tasks.regression.config import RegressionPipelineConfig
from ulmfit_tfx.tasks.regression.scores import RegressionRows, correlation
from ulmfit_tfx.trainer_modules.serving import signature_names as signatures


def eval_config(config: RegressionPipelineConfig) -> tfma.EvalConfig:
    """The scores of a regressor with their bounds, see `rows_eval_config`."""
    kinds = {"mae": MAE, "rmse": RMSE, "pearson": Pearson, "spearman": Spearman, "one_minus_wmae": OneMinusWMAE}
    metrics = {name: metric_config(kind, name) for name, kind in kinds.items()}
    return rows_eval_config(metrics, feature_names.TARGETS, config.data.sliced_by, config.evaluation)


class MAE(ScoreMetric):
    """Mean absolute error of all targets together. Regression."""

    def __init__(self, name: str = "mae"):
        """Describes the metric."""
        super().__init__(mean_of(_absolute_errors), name)


class RMSE(ScoreMetric):
    """Root of the mean squared error of all targets together. Regression."""

    def __init__(self, name: str = "rmse"):
        """Describes the metric."""
        super().__init__(mean_of(_squared_errors, math.sqrt), name)


class Pearson(ScoreMetric):
    """Pearson's correlation, the lowest of any target. Regression."""

    def __init__(self, name: str = "pearson"):
        """Describes the metric."""
        super().__init__(Statistic(_Moments.of_example, _Moments.merged, _Moments.lowest_correlation), name)


class Spearman(ScoreMetric):
    """Spearman's correlation of ranks, the lowest of any target. Regression.

    It keeps what is expected and predicted: some 140 bytes a text, and 16 a target.
    """

    def __init__(self, name: str = "spearman"):
        """Describes the metric."""
        super().__init__(_of_regression_rows("spearman"), name)


class OneMinusWMAE(ScoreMetric):
    """KLEJ's 1 - wMAE, the mean over the targets. Regression. It keeps what `Spearman` does."""

    def __init__(self, name: str = "one_minus_wmae"):
        """Describes the metric."""
        super().__init__(_of_regression_rows("one_minus_wmae"), name)


def _of_regression_rows(name: str) -> Statistic:
    """A score of `RegressionRows`, of pairs that are kept."""

    def of_example(labels: np.ndarray | None, outputs: Outputs) -> list[np.ndarray]:
        return [_numbers(labels, outputs)]

    def merged(first: list[np.ndarray], second: list[np.ndarray]) -> list[np.ndarray]:
        first.extend(second)
        return first

    def score(pairs: list[np.ndarray]) -> float:
        return RegressionRows(*np.stack(pairs, axis=1)).scores().get(name, math.nan)

    return Statistic(of_example, merged, score)


class _Moments(NamedTuple):
    """What Pearson's correlation is computed from: of expected and predicted numbers, float64 [2, targets] each.

    Attributes:
        texts: Their number.
        means: Of the numbers.
        squares: Sums of squares of the deviations from the means.
        products: Sums of products of the deviations of both, [targets].
    """

    texts: int
    means: np.ndarray
    squares: np.ndarray
    products: np.ndarray

    @classmethod
    def of_example(cls, labels: np.ndarray | None, outputs: Outputs) -> "_Moments":
        numbers = _numbers(labels, outputs)
        return cls(1, numbers, np.zeros_like(numbers), np.zeros_like(numbers[0]))

    def merged(self, other: "_Moments") -> "_Moments":
        """Those of the texts of both, as Chan, Golub and LeVeque 1983 add them up: no digits are cancelled.

        Where all numbers are the same, their squares are 0 to the last digit.
        """
        texts = self.texts + other.texts
        apart = other.means - self.means
        weight = self.texts * other.texts / texts
        return _Moments(
            texts,
            self.means + apart * (other.texts / texts),
            self.squares + other.squares + apart * apart * weight,
            self.products + other.products + apart[0] * apart[1] * weight,
        )

    def lowest_correlation(self) -> float:
        return min(correlation(*of_target) for of_target in zip(*self.squares, self.products, strict=True))


def _absolute_errors(labels: np.ndarray | None, outputs: Outputs) -> tuple[float, int]:
    errors = np.subtract(*_numbers(labels, outputs))
    return np.abs(errors).sum(), errors.size


def _squared_errors(labels: np.ndarray | None, outputs: Outputs) -> tuple[float, int]:
    errors = np.subtract(*_numbers(labels, outputs))
    return np.square(errors).sum(), errors.size


def _numbers(labels: np.ndarray | None, outputs: Outputs) -> np.ndarray:
    """What is expected and what is predicted, float64 [2, targets]."""
    expected = np.empty(0) if labels is None else np.ravel(labels)
    predicted = np.ravel(output(outputs, signatures.SCORES))
    return np.concatenate(
        [
            finite(expected[np.newaxis], (1, predicted.size), "expected numbers"),
            finite(predicted[np.newaxis], (1, predicted.size), signatures.SCORES),
        ]
    )
