"""Rows with labels as datasets of (ids, target) or (ids, target, weight), read from transformed examples."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ulmfit_tfx.schemas.feature_names import LABEL_ID, LABEL_IDS, WEIGHT
from ulmfit_tfx.trainer_modules.data.task_rows import (
    IDS,
    TaskRows,
    ids_of,
    parsed,
    rows_of,
    weight_feature,
    with_weight,
)


def labelled_rows(
    files: Sequence[str], class_weights: Sequence[float] | None = None, weighted: bool = False
) -> TaskRows:
    """Rows of one label each: target int64 [].

    Args:
        files: Of the split.
        class_weights: What a row of each class counts. None: 1.
        weighted: Rows have a `weight` of their own, which is multiplied with that of their class.
    """

    def read(row):
        target = row[LABEL_ID]
        if class_weights is None:
            return with_weight(ids_of(row), target, row.get(WEIGHT))
        weight = tf.gather(tf.constant(class_weights, tf.float32), tf.maximum(target, 0))
        return ids_of(row), target, weight * row.get(WEIGHT, 1.0)

    features = IDS | {LABEL_ID: tf.io.FixedLenFeature([], tf.int64)} | weight_feature(weighted)
    return rows_of(files, features, read)


def multi_label_rows(files: Sequence[str], classes: int, weighted: bool = False) -> TaskRows:
    """Rows of any number of labels: target float32 [classes], 1 at those that a row has."""

    def read(row):
        return with_weight(ids_of(row), _multi_hot(row[LABEL_IDS].values, classes), row.get(WEIGHT))

    features = IDS | {LABEL_IDS: tf.io.VarLenFeature(tf.int64)} | weight_feature(weighted)
    return rows_of(files, features, read)


def count_labels(files: Sequence[str], classes: int) -> np.ndarray:
    """Rows of each class, int64 [classes], of rows of one label each."""
    features = {LABEL_ID: tf.io.FixedLenFeature([], tf.int64)}
    counts = parsed(tuple(files), features).reduce(
        tf.zeros([classes], tf.int64), lambda counts, row: counts + tf.one_hot(row[LABEL_ID], classes, dtype=tf.int64)
    )
    return counts.numpy()


def _multi_hot(label_ids: tf.Tensor, classes: int) -> tf.Tensor:
    """float32 [classes]; ids outside of the vocabulary are left out."""
    return tf.reduce_max(tf.one_hot(tf.concat([label_ids, [-1]], axis=0), classes), axis=0)
