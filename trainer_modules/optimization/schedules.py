"""Learning rates as functions of the step."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable("ulmfit_tfx")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """One-cycle policy (Smith 2018, https://arxiv.org/abs/1803.09820) with fastai's cosine shape.

    From `peak / 25` up to `peak` in the first `warm_up` share of the steps, then down to `peak / 100,000`.
    """

    start_divisor = 25.0
    end_divisor = 1e5

    def __init__(self, peak: float, steps: int, warm_up: float = 0.25):
        """Creates the schedule.

        Args:
            peak: Highest learning rate.
            steps: Steps of the whole training. Later steps stay at the lowest rate.
            warm_up: Share of the steps before the peak.
        """
        self.peak = peak
        self.steps = steps
        self.warm_up = warm_up

    def __call__(self, step):
        """Learning rate at a step, counted from 0: float32 []."""
        position = ops.cast(step, "float32") / max(self.steps - 1, 1)
        rising = _cosine(self.peak / self.start_divisor, self.peak, position / max(self.warm_up, 1e-6))
        falling = _cosine(
            self.peak, self.peak / self.end_divisor, (position - self.warm_up) / max(1 - self.warm_up, 1e-6)
        )
        return ops.where(position < self.warm_up, rising, falling)

    def get_config(self):
        """Constructor arguments."""
        return {"peak": self.peak, "steps": self.steps, "warm_up": self.warm_up}


def _cosine(start, end, position):
    return start + (end - start) * (1 - ops.cos(math.pi * ops.clip(position, 0.0, 1.0))) / 2
