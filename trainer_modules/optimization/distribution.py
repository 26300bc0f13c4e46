"""Training on several devices at once: the strategy, and values of which each replica has its own."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ulmfit_tfx.schemas.errors import ConfigError


def strategy_for(batch_size: int) -> tf.distribute.Strategy:
    """One replica a GPU where there are several, else TensorFlow's default of one replica.

    Raises:
        ConfigError: The rows of a batch cannot be shared out evenly.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if len(gpus) < 2:
        return tf.distribute.get_strategy()
    if batch_size % len(gpus):
        raise ConfigError(f"batch_size is {batch_size}, expected a multiple of the {len(gpus)} GPUs.")
    return tf.distribute.MirroredStrategy()


def shared_out(strategy: tf.distribute.Strategy, rows: np.ndarray | tf.Tensor) -> Any:
    """Gives each replica its part of the rows, always the same part: [batch, ...] as values of the strategy."""
    replicas = strategy.num_replicas_in_sync
    rows = tf.convert_to_tensor(rows)
    if replicas == 1:
        return rows
    parts = tf.split(rows, replicas)
    return strategy.experimental_distribute_values_from_function(
        lambda context: parts[context.replica_id_in_sync_group]
    )


def gathered(strategy: tf.distribute.Strategy, values: Sequence[Any]) -> list[np.ndarray]:
    """The rows of all replicas, in the order in which `shared_out` took them."""
    return [np.concatenate([part.numpy() for part in strategy.experimental_local_results(value)]) for value in values]


def number(value: Any) -> float:
    """A variable or tensor of one number, the same on all replicas. `int` and `float` fail on replicated variables."""
    return keras.ops.convert_to_numpy(value).item()
