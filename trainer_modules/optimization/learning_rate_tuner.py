"""The learning-rate finder as a tuner of one trial, which TFX's Tuner can run."""

from collections.abc import Callable, Mapping
from typing import Any

import keras_tuner
import tensorflow as tf
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.errors import FatalError

from ulmfit_tfx.trainer_modules.optimization.learning_rate_chart import write_chart
from ulmfit_tfx.trainer_modules.optimization.learning_rate_finder import find_learning_rate

LEARNING_RATE = "learning_rate"
"""Name of the hyperparameter."""

CURVE_FILE = "learning_rate.json"
CHART_FILE = "learning_rate.png"


class LearningRateTuner(BaseTuner):
    """Searches for a learning rate, and prints nothing.

    Its one trial has the suggestion in `hyperparameters.values["learning_rate"]` and the smoothed loss there as its
    score. It writes into its folder:

        folder/
            learning_rate.json   the `LearningRateCurve`
            learning_rate.png    its chart
            keras_tuner/         what KerasTuner keeps; of an earlier search, it is removed
    """

    def __init__(
        self, step: Callable[[float], float], folder: str, start: float = 1e-7, end: float = 10.0, steps: int = 100
    ):
        """Creates the tuner.

        Args:
            step: Trains one batch at a learning rate and returns its loss.
            folder: Where to write, such as `FnArgs.working_dir`.
            start: The first rate.
            end: The last one.
            steps: Batches at most.
        """
        oracle = keras_tuner.oracles.RandomSearchOracle(keras_tuner.Objective("loss", "min"), max_trials=1)
        oracle.verbose = 0
        super().__init__(oracle, directory=folder, project_name="keras_tuner", overwrite=True)
        self.step = step
        self.start, self.end, self.steps = start, end, steps

    def search(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Runs the trial.

        Raises:
            UserError: The loss never falls, or is not finite from the first step on.
            Exception: Whatever the step raised. KerasTuner by itself would take note of it and go on.
        """
        try:
            super().search(*fit_args, **fit_kwargs)
        except FatalError as error:
            raise (error.__cause__ or error) from None

    def run_trial(self, trial: Any, *fit_args: Any, **fit_kwargs: Any) -> dict[str, float]:
        """Finds the rate, writes curve and chart and gives the trial its value.

        Returns:
            `loss`: The smoothed loss at the suggestion.

        Raises:
            FatalError: Something went wrong; its cause says what.
        """
        try:
            curve = find_learning_rate(self.step, self.start, self.end, self.steps)
            with tf.io.gfile.GFile(f"{self.directory}/{CURVE_FILE}", "w") as file:
                file.write(curve.to_json())
            write_chart(curve, f"{self.directory}/{CHART_FILE}")
        except Exception as error:
            raise FatalError(str(error)) from error
        trial.hyperparameters.values[LEARNING_RATE] = curve.suggestion
        return {"loss": curve.smoothed_loss_at(curve.suggestion)}

    def search_space_summary(self, extended: bool = False) -> None:
        """Prints nothing: there is no space."""

    def results_summary(self, num_trials: int = 10) -> None:
        """Prints nothing: the chart shows more."""


def suggested_learning_rate(hyperparameters: Mapping[str, Any] | None) -> float | None:
    """The rate that a `LearningRateTuner` found.

    Args:
        hyperparameters: `FnArgs.hyperparameters` of Trainer; None without a Tuner before it.

    Returns:
        The rate, or None where there is none.
    """
    return (hyperparameters or {}).get("values", {}).get(LEARNING_RATE)
