"""Bootstrap intervals of scores."""

import dataclasses
from collections.abc import Callable
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


def with_intervals(
    score: Callable[["np.ndarray"], dict[str, float]], rows: int, samples: int, seed: int
) -> dict[str, Interval]:
    """Scores with their 95 % intervals, by the percentile bootstrap over rows (Efron).

    Chance makes a calibration error larger, that of a bootstrap sample once more than that of the rows, so that the
    interval of a small one can lie above its value.

    Args:
        score: From indices, int [rows], to scores; `scores` of `Rows` is one, and is quick.
        rows: Their number.
        samples: Of the bootstrap.
        seed: Of its random numbers.

    Returns:
        By name, the scores that are defined for all rows together. An interval is of the samples that the score is
        defined for; where there are none, it is the value alone.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    sampled = [score(generator.integers(rows, size=rows)) for _ in range(samples)]
    intervals = {}
    for name, value in score(np.arange(rows)).items():
        low, high = np.percentile([scores[name] for scores in sampled if name in scores] or [value], [2.5, 97.5])
        intervals[name] = Interval(value, float(low), float(high))
    return intervals
