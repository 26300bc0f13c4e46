"""Training progress for people: a bar on a terminal, a line now and then elsewhere."""

import math
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from ulmfit_tfx.trainer_modules.optimization.training_time import TrainingSize, measured_speed

if TYPE_CHECKING:
    import keras

_SECONDS_BETWEEN_LINES = 20.0
_LOOKED_UP = "embedding"
"""In the path of a weight whose rows are looked up, not multiplied with."""


def announce(console: Console, model: "keras.Model", pieces: int, steps: int, epochs: int) -> None:
    """Says before a training how much is computed, and about how long that takes on this machine without a GPU.

    Args:
        console: Where to.
        model: To be trained.
        pieces: Of an epoch, padding not counted.
        steps: Batches of an epoch.
        epochs: Of the training.
    """
    import tensorflow as tf

    looked_up = sum(math.prod(weight.shape) for weight in model.weights if _LOOKED_UP in weight.path)
    parameters = model.count_params()
    size = TrainingSize(parameters, parameters - looked_up, pieces, steps, epochs)
    speed = None if tf.config.list_logical_devices("GPU") else measured_speed()
    console.print(f"      {size.announcement(speed)}")


class Progress:
    """Shows loss, metric, tokens a second and time left of a training.

    A context manager: the bar stands while it is open.
    """

    def __init__(self, epochs: int, steps: int, tokens: int, metric: str, console: Console | None = None):
        """Creates the display.

        Args:
            epochs: Epochs of the whole training.
            steps: Batches an epoch.
            tokens: Tokens an epoch, padding not counted.
            metric: Name of the metric shown beside the loss.
            console: Where to show it. Standard output by default.
        """
        self.epochs = epochs
        self.steps = steps
        self.tokens_a_step = tokens / steps
        self.metric = metric
        # rich takes a notebook for a terminal, and its cells do not move a cursor.
        is_terminal = sys.stdout.isatty()
        self.console = console or Console(
            soft_wrap=True, highlight=False, force_jupyter=False, force_terminal=is_terminal
        )
        self.bar = Bar(
            TextColumn("      epoch {task.fields[epoch]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(compact=True),
            console=self.console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,  # goes to the log, not above the bar
        )
        self.task = self.bar.add_task("", total=epochs * steps, epoch=f"1/{epochs}", figures="first batch")
        self.done = 0
        self.started = self.last_line = time.monotonic()

    def __enter__(self):
        if self.console.is_terminal:
            self.bar.start()
        self.started = self.last_line = time.monotonic()
        return self

    def __exit__(self, *exception):
        if self.console.is_terminal:
            self.bar.stop()

    def resumed(self, step: int, epoch: int, batch: int) -> None:
        """Says that training goes on from a checkpoint."""
        self.console.print(f"      resumed from the checkpoint at step {step} (epoch {epoch + 1}, batch {batch})")

    def begins_anew(self, reason: str) -> None:
        """Says why training does not go on from a checkpoint."""
        self.console.print(f"      begins anew: {reason}")

    def batch_done(self, epoch: int, batch: int, metrics: Mapping[str, float]) -> None:
        """Moves the bar; prints a line where there is no bar and enough time has passed."""
        self.done += 1
        figures = self._figures(metrics)
        position = f"{epoch + 1}/{self.epochs}"
        completed = epoch * self.steps + batch
        self.bar.update(self.task, completed=completed, epoch=position, figures=figures)
        now = time.monotonic()
        if not self.console.is_terminal and now - self.last_line >= _SECONDS_BETWEEN_LINES:
            self.last_line = now
            left = (self.epochs * self.steps - completed) * (now - self.started) / self.done
            self.console.print(f"      epoch {position}  batch {batch}/{self.steps}  {figures}  {left:,.0f} s left")

    def epoch_done(self, metrics: Mapping[str, float]) -> None:
        """Prints the epoch's metrics."""
        names = ("loss", self.metric, "eval_loss", f"eval_{self.metric}")
        shown = "  ".join(f"{name} {metrics[name]:.4f}" for name in names if name in metrics)
        self.console.print(f"      {shown}  {self._rate()}")

    def _figures(self, metrics: Mapping[str, float]) -> str:
        return f"loss {metrics['loss']:.4f}  {self.metric} {metrics.get(self.metric, 0):.4f}  {self._rate()}"

    def _rate(self) -> str:
        seconds = max(time.monotonic() - self.started, 1e-9)
        return f"{self.done * self.tokens_a_step / seconds:,.0f} pieces/s"
