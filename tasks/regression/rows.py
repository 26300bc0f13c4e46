"""Rows with numbers as datasets of (ids, target) or (ids, target, weight), read from transformed examples."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from ulmfit_tfx.schemas.feature_names import TARGETS, WEIGHT
from ulmfit_tfx.trainer_modules.data.task_rows import (
    IDS,
    TaskRows,
    ids_of,
    parsed,
    rows_of,
    weight_feature,
    with_weight,
)


def target_rows(
    files: Sequence[str],
    mean: Sequence[float],
    scale: Sequence[float],
    weighted: bool = False,
    weight_of: Callable[[tf.Tensor], tf.Tensor] | None = None,
    copies_of: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
) -> TaskRows:
    """Rows of numbers: target float32 [targets], less the mean and divided by the scale.

    Args:
        files: Of the split.
        mean: Of each target.
        scale: Of each target.
        weighted: Rows have a `weight` of their own.
        weight_of: From the numbers of a row, float32 [targets], to what it counts, float32 [].
        copies_of: From the number of a row in file order, int64 [], and its numbers to how often it occurs, int64 [].
    """
    targets = len(mean)

    def read(row):
        numbers = row[TARGETS]
        weight = row.get(WEIGHT)
        if weight_of is not None:
            weight = weight_of(numbers) * (1.0 if weight is None else weight)
        target = (numbers - tf.constant(mean, tf.float32)) / tf.constant(scale, tf.float32)
        return with_weight(ids_of(row), target, weight)

    features = IDS | {TARGETS: tf.io.FixedLenFeature([targets], tf.float32)} | weight_feature(weighted)
    if copies_of is None:
        return rows_of(files, features, read)

    def copied(number, row):
        return tf.data.Dataset.from_tensors(read(row)).repeat(copies_of(number, row[TARGETS]))

    files = tuple(files)
    return TaskRows(files, lambda: parsed(files, features).enumerate().flat_map(copied))


def read_targets(files: Sequence[str], targets: int) -> np.ndarray:
    """The numbers of all rows, float64 [rows, targets]."""
    features = {TARGETS: tf.io.FixedLenFeature([targets], tf.float32)}
    batches = [batch.numpy() for batch in parsed(tuple(files), features).map(lambda row: row[TARGETS]).batch(4096)]
    return np.concatenate(batches).astype(np.float64) if batches else np.zeros((0, targets))
