"""Train rows that a network does not see, so that its answers to them tell what it is worth.

Which ones is decided by what a row says, so that copies of a row are on one side.
"""

import dataclasses

import tensorflow as tf

from ulmfit_tfx.trainer_modules.data.task_rows import TaskRows
from ulmfit_tfx.transforms.terms import FACTOR, hashed


def is_held_out(ids: tf.Tensor, one_in: int) -> tf.Tensor:
    """Whether a row is among about one in so many, bool [].

    Args:
        ids: int32 [pieces].
        one_in: The others are trained on.
    """
    places = tf.range(1, tf.size(ids, tf.int64) + 1) * FACTOR
    mixed = tf.reduce_sum((tf.cast(ids, tf.int64) + 1) * tf.bitwise.bitwise_xor(places, places * FACTOR))
    return hashed(mixed, one_in) == 0


def seen(rows: TaskRows, one_in: int) -> TaskRows:
    """The rows without those that are held out."""
    return dataclasses.replace(rows, dataset=lambda: rows.dataset().filter(lambda ids, *_: ~is_held_out(ids, one_in)))
