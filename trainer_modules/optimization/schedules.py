"""Learning rates and momentum as functions of the step."""

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
        start, end = self.peak / self.start_divisor, self.peak / self.end_divisor
        return _two_cosines(_position(step, self.steps), self.warm_up, start, self.peak, end)

    def get_config(self):
        """Constructor arguments."""
        return {"peak": self.peak, "steps": self.steps, "warm_up": self.warm_up}


@keras.saving.register_keras_serializable("ulmfit_tfx")
class OneCycleMomentum(keras.optimizers.schedules.LearningRateSchedule):
    """The momentum that goes with `OneCycle` (Smith 2018, section 4.3), in the same cosine phases.

    From `high` down to `low`, which is reached where the learning rate is highest, and up to `high` again. It is no
    learning rate, but of Keras' type for one, which is what optimizers serialize.
    """

    def __init__(self, steps: int, high: float = 0.95, low: float = 0.85, warm_up: float = 0.25):
        """Creates the schedule.

        Args:
            steps: Steps of the whole training. Later steps stay at `high`.
            high: Momentum at the beginning and at the end. 0.95 and 0.85 are fastai's.
            low: Momentum at the peak of the learning rate.
            warm_up: Share of the steps before the peak.
        """
        self.steps = steps
        self.high = high
        self.low = low
        self.warm_up = warm_up

    def __call__(self, step):
        """Momentum at a step, counted from 0: float32 []."""
        return _two_cosines(_position(step, self.steps), self.warm_up, self.high, self.low, self.high)

    def get_config(self):
        """Constructor arguments."""
        return {"steps": self.steps, "high": self.high, "low": self.low, "warm_up": self.warm_up}


@keras.saving.register_keras_serializable("ulmfit_tfx")
class SlantedTriangular(keras.optimizers.schedules.LearningRateSchedule):
    """Slanted triangular rates (Howard and Ruder 2018, https://arxiv.org/abs/1801.06146, section 3.2, equation 3).

    In a straight line from `peak / ratio` up to `peak` at step `floor(steps * cut_fraction)`, then down again, `1 /
    cut_fraction - 1` times as slowly.

    The equation leaves two things open in short trainings. Where `floor(steps * cut_fraction)` is 0, it divides by
    zero: here the rate begins at the peak. Where `steps * cut_fraction` is no whole number, its last rates fall below
    `peak / ratio`, even below 0: here they stay at `peak / ratio`, as they do after the last step.
    """

    def __init__(self, peak: float, steps: int, cut_fraction: float = 0.1, ratio: float = 32.0):
        """Creates the schedule.

        Args:
            peak: Highest learning rate.
            steps: Steps of the whole training, T in the paper. Later steps stay at the lowest rate.
            cut_fraction: Share of the steps before the peak, `cut_frac` in the paper.
            ratio: How many times the lowest rate the peak is.
        """
        self.peak = peak
        self.steps = steps
        self.cut_fraction = cut_fraction
        self.ratio = ratio

    def __call__(self, step):
        """Learning rate at a step, counted from 0: float32 []."""
        step = ops.cast(step, "float32")
        cut = math.floor(self.steps * self.cut_fraction)
        falling_steps = cut * (1 / self.cut_fraction - 1) if cut else self.steps * (1 - self.cut_fraction)
        rising, falling = step / max(cut, 1), 1 - (step - cut) / max(falling_steps, 1e-6)
        share = ops.clip(ops.where(step < cut, rising, falling), 0.0, 1.0)
        return self.peak * (1 + share * (self.ratio - 1)) / self.ratio

    def get_config(self):
        """Constructor arguments."""
        return {"peak": self.peak, "steps": self.steps, "cut_fraction": self.cut_fraction, "ratio": self.ratio}


def _position(step, steps):
    """Share of the training that lies before a step: 0 at the first, 1 at the last."""
    return ops.cast(step, "float32") / max(steps - 1, 1)


def _two_cosines(position, turn, start, middle, end):
    """Half a cosine from `start` to `middle`, reached at the position `turn`, and another one to `end` at 1."""
    first = _cosine(start, middle, position / max(turn, 1e-6))
    second = _cosine(middle, end, (position - turn) / max(1 - turn, 1e-6))
    return ops.where(position < turn, first, second)


def _cosine(start, end, position):
    return start + (end - start) * (1 - ops.cos(math.pi * ops.clip(position, 0.0, 1.0))) / 2
