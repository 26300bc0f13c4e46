"""Learning-rate range test (Smith 2017, https://arxiv.org/abs/1506.01186, section 3.3): it rises batch by batch."""

import dataclasses
import json
import math
from collections.abc import Callable

import numpy as np

from ulmfit_tfx.schemas.errors import UserError

_SMOOTHING = 0.98
"""Share of the mean that stays at each step, as in fastai."""

_DIVERGED = 4.0
"""How many times its lowest the smoothed loss is where the test stops, as in fastai."""

_MEDIAN_DIFFERENCE = 0.954
"""Median distance of two draws from a normal distribution, in standard deviations."""


@dataclasses.dataclass(frozen=True)
class LearningRateCurve:
    """Losses of a training whose learning rate rises from step to step.

    Suggestions are read off the smoothed losses, the first tenth of them left out: there the mean is of few losses and
    follows the noise of single batches.

    Attributes:
        rates: Learning rate of each step, ascending.
        losses: Loss of each step's batch.
        smoothed_losses: Their exponential mean, divided by the sum of its weights.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed_losses: tuple[float, ...]

    @property
    def suggestion(self) -> float:
        """The rate in the middle of the longest fall, an idea of fastai 2, there called valley.

        A fall may be interrupted by higher losses: it is the longest subsequence of ever lower ones. Its middle is its
        middle member, so that a few low batches in the flat beginning hardly move it.

        Raises:
            UserError: The loss never falls.
        """
        counted = self._counted()
        fall = longest_decreasing(counted)
        return self.rates[-len(counted) :][fall[len(fall) // 2]]

    @property
    def steepest(self) -> float:
        """The rate in the middle of that tenth of the steps in which the loss falls most.

        Raises:
            UserError: The loss never falls.
        """
        counted = self._counted()
        span = max(len(counted) // 10, 1)
        begin = int(np.argmin(counted[span:] - counted[:-span]))
        return self.rates[-len(counted) :][begin + span // 2]

    @property
    def lowest(self) -> float:
        """The rate at which the smoothed loss is lowest."""
        return self.rates[int(np.argmin(self.smoothed_losses))]

    def smoothed_loss_at(self, rate: float) -> float:
        """The smoothed loss at one of `rates`."""
        return self.smoothed_losses[self.rates.index(rate)]

    def _counted(self) -> np.ndarray:
        """Smoothed losses but for the first tenth: float64 [n], n at least 2, of which the first is not the lowest.

        Without training, the smoothed loss goes down too, by chance: it takes more than half of what single batches
        differ by, or rounding of float32.
        """
        counted = np.array(self.smoothed_losses[len(self.rates) // 10 :])
        lowest = int(np.argmin(counted))
        fall = np.max(counted[: lowest + 1]) - counted[lowest]
        noise = np.median(np.abs(np.diff(self.losses, prepend=self.losses[0]))) / _MEDIAN_DIFFERENCE
        if fall <= max(noise / 2, 1e-6 * counted[lowest]):
            raise UserError(
                f"the loss never falls: in {len(self.rates)} steps, at learning rates from {self.rates[0]:.1e} to "
                f"{self.rates[-1]:.1e}, its mean goes down by {fall:.2g} at most, from {counted[0]:.4g}, and single "
                f"batches differ by {noise:.2g}. Are all layers frozen, or is the lowest rate already too high?"
            )
        return counted

    @classmethod
    def from_json(cls, text: str) -> "LearningRateCurve":
        """Reads what `to_json` wrote."""
        return cls(**{name: tuple(values) for name, values in json.loads(text).items()})

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self))


def find_learning_rate(
    step: Callable[[float], float], start: float = 1e-7, end: float = 10.0, steps: int = 100
) -> LearningRateCurve:
    """Trains at ever higher learning rates, each the same factor above the one before.

    It stops early once the smoothed loss is four times its lowest, or where a loss is not finite; that one is left out.

    Args:
        step: Trains one batch at a learning rate and returns its loss, which is positive. What it trains is of no use
            afterwards.
        start: The first rate.
        end: The last one.
        steps: Batches at most.

    Raises:
        ValueError: `start`, `end` and `steps` do not make an ascent.
        UserError: The very first loss is not finite.
    """
    if not 0 < start < end or steps < 2:
        raise ValueError(f"start {start:g}, end {end:g}, steps {steps}: expected 0 < start < end and 2 steps or more")
    rates: list[float] = []
    losses: list[float] = []
    smoothed: list[float] = []
    mean = 0.0
    for rate in np.geomspace(start, end, steps).tolist():
        loss = float(step(rate))
        if not math.isfinite(loss):
            break
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * loss
        rates.append(rate)
        losses.append(loss)
        smoothed.append(mean / (1 - _SMOOTHING ** len(rates)))
        if smoothed[-1] > _DIVERGED * min(smoothed):
            break
    if not rates:
        raise UserError(
            f"the very first loss is {loss}, at a learning rate of {start:.1e}: no rate can mend that. Are there NaNs "
            "in the weights that the training starts from, or batches without any target?"
        )
    return LearningRateCurve(tuple(rates), tuple(losses), tuple(smoothed))


def longest_decreasing(values: np.ndarray) -> np.ndarray:
    """The longest strictly decreasing subsequence.

    >>> longest_decreasing(np.array([5.0, 7.0, 6.0, 8.0, 4.0, 1.0, 2.0])).tolist()
    [1, 2, 4, 5]

    Args:
        values: float [n], n at least 1.

    Returns:
        The indices of its members, int64 [m], ascending. Of several as long, one that ends first.
    """
    lengths = np.ones(len(values), int)
    previous = np.arange(len(values))
    for index in range(1, len(values)):
        continued = np.where(values[:index] > values[index], lengths[:index], 0)
        best = int(np.argmax(continued))
        if continued[best]:
            lengths[index], previous[index] = continued[best] + 1, best
    members = [int(np.argmax(lengths))]
    while previous[members[-1]] != members[-1]:
        members.append(int(previous[members[-1]]))
    return np.array(members[::-1])
