"""Bootstrap intervals of scores."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # reports hold intervals, and commands that read reports start without NumPy
    import numpy as np


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


@dataclasses.dataclass(frozen=True)
class Bootstrap:
    """Scores of rows, and those of bootstrap samples of the rows.

    Attributes:
        scores: By name, of the rows as they are; those that are defined.
        sampled: Of each sample, likewise.
    """

    scores: Mapping[str, float]
    sampled: Sequence[Mapping[str, float]]

    def intervals(self) -> dict[str, Interval]:
        """Scores with their 95 % intervals, by the percentile bootstrap over rows (Efron).

        An interval is of the samples that the score is defined for; where there are none, it is the value alone.
        """
        return {
            name: _percentiles(value, [scores[name] for scores in self.sampled if name in scores])
            for name, value in self.scores.items()
        }

    def differences(self, other: "Bootstrap") -> dict[str, Interval]:
        """What these scores are more than those of another system, with paired 95 % intervals.

        Both are scored on the same samples, so that what makes a row hard for both cancels out (Efron and Tibshirani
        1993, "An Introduction to the Bootstrap"; Koehn 2004, "Statistical Significance Tests for Machine Translation
        Evaluation").

        Args:
            other: Of the same rows, with the same number of samples and the same seed.
        """
        pairs = list(zip(self.sampled, other.sampled, strict=True))
        return {
            name: _percentiles(
                value - other.scores[name], [own[name] - its[name] for own, its in pairs if name in own and name in its]
            )
            for name, value in self.scores.items()
            if name in other.scores
        }


def bootstrap(score: Callable[["np.ndarray"], dict[str, float]], rows: int, samples: int, seed: int) -> Bootstrap:
    """Scores rows and bootstrap samples of them.

    Args:
        score: From indices, int [rows], to scores; `scores` of `Rows` is one, and is quick.
        rows: Their number.
        samples: Of the bootstrap.
        seed: Of its random numbers. Samples follow from it and the number of rows alone.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    sampled = [score(generator.integers(rows, size=rows)) for _ in range(samples)]
    return Bootstrap(score(np.arange(rows)), sampled)


def with_intervals(
    score: Callable[["np.ndarray"], dict[str, float]], rows: int, samples: int, seed: int
) -> dict[str, Interval]:
    """Scores with their 95 % intervals, see `Bootstrap`.

    Chance makes a calibration error larger, that of a bootstrap sample once more than that of the rows, so that the
    interval of a small one can lie above its value.

    Args:
        score: As of `bootstrap`.
        rows: Their number.
        samples: Of the bootstrap.
        seed: Of its random numbers.

    Returns:
        By name, the scores that are defined for all rows together.
    """
    return bootstrap(score, rows, samples, seed).intervals()


def _percentiles(value: float, sampled: Sequence[float]) -> Interval:
    import numpy as np

    low, high = np.percentile(sampled or [value], [2.5, 97.5])
    return Interval(value, float(low), float(high))
