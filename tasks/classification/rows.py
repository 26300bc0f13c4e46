"""Rows with labels as datasets of (ids, target) or (ids, target, weight), read from transformed examples."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ulmfit_tfx.schemas.config.teacher_shares import TeacherShares
from ulmfit_tfx.schemas.feature_names import LABEL_ID, LABEL_IDS, TEACHER_PROBABILITIES, WEIGHT
from ulmfit_tfx.trainer_modules.data.gold_rows import IS_GOLD, is_gold, repeats
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


def taught_rows(
    files: Sequence[str],
    classes: Sequence[str],
    shares: TeacherShares,
    label_smoothing: float = 0.0,
    class_weights: Sequence[float] | None = None,
    weighted: bool = False,
) -> TaskRows:
    """Rows of which some have a teacher: target float32 [2, classes], the label's share and the teacher's.

    Args:
        files: Of the split.
        classes: As the label vocabulary has them.
        shares: How much the teacher counts.
        label_smoothing: Share of a label that is spread over all classes.
        class_weights: See `labelled_rows`; of a distribution their mean.
        weighted: See `labelled_rows`.
    """
    teachers_order = tf.constant([sorted(classes).index(name) for name in classes], tf.int32)

    def of_label(row):
        label = tf.one_hot(row[LABEL_ID], len(classes))
        return label * (1 - label_smoothing) + label_smoothing / len(classes)

    def parts(row):
        given = row[TEACHER_PROBABILITIES].values
        has_teacher = tf.size(given) > 0
        given = tf.cond(has_teacher, lambda: tf.gather(given, teachers_order), lambda: tf.zeros([len(classes)]))
        softened = tf.pow(given, 1 / shares.temperature)
        softened = tf.math.divide_no_nan(softened, tf.reduce_sum(softened))
        share = tf.where(is_gold(row), tf.where(has_teacher, shares.gold_share, 1.0), 0.0)
        return tf.stack([share * of_label(row), (1 - share) * softened])

    def read(row):
        target = parts(row)
        weight = row.get(WEIGHT)
        if class_weights is not None:
            of_class = tf.reduce_sum(tf.constant(class_weights, tf.float32) * target)
            weight = of_class if weight is None else of_class * weight
        return with_weight(ids_of(row), target, weight)

    label = {LABEL_ID: tf.io.FixedLenFeature([], tf.int64)}
    teacher = {TEACHER_PROBABILITIES: tf.io.VarLenFeature(tf.float32)}
    found = rows_of(files, IDS | label | teacher | IS_GOLD | weight_feature(weighted), read)
    return dataclasses.replace(
        found,
        own=lambda: parsed(found.files, label | IS_GOLD).map(
            lambda row: (is_gold(row), tf.one_hot(row[LABEL_ID], len(classes)))
        ),
        gold_repeats=repeats(files, shares.gold_rows),
    )


def summed(rows: TaskRows) -> TaskRows:
    """The same with what label and teacher say together: target float32 [classes]."""
    return dataclasses.replace(
        rows, dataset=lambda: rows.dataset().map(lambda ids, target, *more: (ids, tf.reduce_sum(target, axis=0), *more))
    )


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
