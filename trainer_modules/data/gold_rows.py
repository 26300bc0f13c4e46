"""Rows with a label of their own among those that a teacher alone speaks of.

Gold ones are few, as a rule, and are repeated; what is weighed, calibrated and held out is of them alone.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from ulmfit_tfx.schemas.feature_names import IS_TRANSFER
from ulmfit_tfx.trainer_modules.data.held_out_rows import is_held_out
from ulmfit_tfx.trainer_modules.data.task_rows import TaskRows, ids_among, parsed

IS_GOLD = {IS_TRANSFER: tf.io.VarLenFeature(tf.int64)}
"""The feature that says whether a row has a label of its own."""


def is_gold(row: Mapping[str, tf.SparseTensor]) -> tf.Tensor:
    """Whether an example with the features `IS_GOLD` has a label of its own, bool []."""
    return ~tf.reduce_any(row[IS_TRANSFER].values > 0)


def gold_marks(files: Sequence[str]) -> tf.data.Dataset:
    """Whether each row of the files is gold, bool [], in file order."""
    return parsed(tuple(files), IS_GOLD).map(is_gold)


def repeats(files: Sequence[str], share: float) -> int:
    """How often gold rows are read in an epoch, so that about a share of its rows is gold; at least once.

    Args:
        files: Of the train split.
        share: Of the rows, below 1.
    """
    zero = tf.zeros([], tf.int64)
    gold, others = gold_marks(files).reduce(
        (zero, zero), lambda counts, mark: (counts[0] + tf.cast(mark, tf.int64), counts[1] + tf.cast(~mark, tf.int64))
    )
    wanted = share / (1 - share) * int(others)
    return max(round(wanted / max(int(gold), 1)), 1)


def as_trained(rows: TaskRows, one_in: int | None = None) -> TaskRows:
    """The rows that a network is trained on: gold ones repeated.

    Args:
        rows: With `own`.
        one_in: About one in so many gold rows is left out, see `is_held_out`. None: none is.
    """
    marks = _own(rows)

    def read() -> tf.data.Dataset:
        often, once = tf.constant(rows.gold_repeats, tf.int64), tf.constant(1, tf.int64)
        marked = tf.data.Dataset.zip((rows.dataset(), marks().map(lambda mark, _: mark)))
        if one_in is not None:
            marked = marked.filter(lambda row, mark: ~(mark & is_held_out(ids_among(row[0]), one_in)))
        return marked.flat_map(lambda row, mark: tf.data.Dataset.from_tensors(row).repeat(tf.where(mark, often, once)))

    return dataclasses.replace(rows, dataset=read)


def _own(rows: TaskRows) -> Callable[[], tf.data.Dataset]:
    assert rows.own is not None
    return rows.own
