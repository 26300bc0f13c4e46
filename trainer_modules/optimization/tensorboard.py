"""Training curves for TensorBoard."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf


class TrainingLog:
    """Writes scalars into a folder that `tensorboard --logdir` reads.

    Tags are `step/<name>` for what is written now and then within an epoch and `epoch/<name>` for what is written at
    its end. A resumed training goes on at its step, in a further file: steps between the checkpoint and the kill are
    there twice if it is given the same folder.
    """

    def __init__(self, folder: str | None, steps_between: int = 10):
        """Creates the log.

        Args:
            folder: Local or remote, made with the first scalar. None: nothing is written.
            steps_between: Only steps that are a multiple of it are written.
        """
        self.folder = folder
        self.steps_between = steps_between
        self._writer: Any = None

    def is_due(self, step: int) -> bool:
        """Whether `step` writes this one: metrics that take time to compute can wait for it."""
        return self.folder is not None and step % self.steps_between == 0

    def step(self, step: int, metrics: Mapping[str, float]) -> None:
        """Writes metrics of a step, counted through the whole training, if it is due."""
        if self.is_due(step):
            self._write("step", step, metrics)

    def epoch(self, step: int, metrics: Mapping[str, float]) -> None:
        """Writes metrics of an epoch.

        Args:
            step: The last one of the epoch.
            metrics: By name.
        """
        if self.folder is not None:
            self._write("epoch", step, metrics)

    def _write(self, kind: str, step: int, metrics: Mapping[str, float]) -> None:
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(self.folder)
        with self._writer.as_default(step):
            for name, value in metrics.items():
                tf.summary.scalar(f"{kind}/{name}", value)
        self._writer.flush()  # the process may be killed
