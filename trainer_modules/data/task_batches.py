"""Length-bucketed batches of a task's transformed examples.

Batches hold texts of similar length, so that little is computed on padding. The order of an epoch follows from the seed
and the epoch's number alone: a resumed training sees the batches that it would have seen.
"""

import dataclasses
from typing import Any

import tensorflow as tf

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.trainer_modules.data.task_rows import TaskRows, ids_among, with_first_ids

_PARALLEL = 2
_BUCKETS_PER_DOUBLING = 2


@dataclasses.dataclass(frozen=True)
class TaskBatches:
    """Batches of one split.

    Attributes:
        rows: The rows of the split.
        batch_size: Rows a batch.
        pad_id: Id that fills rows up to the longest of their batch.
        max_seq_len: Of a longer row its first ids are taken.
        count: Rows of an epoch.
        steps: Batches an epoch, the same for every epoch.
        tokens: Ids an epoch, padding not counted.
    """

    rows: TaskRows
    batch_size: int
    pad_id: int
    max_seq_len: int
    count: int
    steps: int
    tokens: int

    def in_order(self) -> tf.data.Dataset:
        """The rows in file order, bucketed: ids int32 [batch, time] and other inputs; targets; weights if there are."""
        return self._counted(self._bucketed(self._cut(self.rows.dataset())), self.steps)

    def epoch(self, number: int, seed: int, buffer: int, skip: int = 0) -> tf.data.Dataset:
        """The rows in the order of an epoch.

        Args:
            number: The epoch, from 0.
            seed: Of the shuffling.
            buffer: Rows held in memory for shuffling.
            skip: Batches to leave out at the beginning.

        Returns:
            As `in_order`.
        """
        rows = self._cut(self.rows.dataset()).shuffle(buffer, seed=seed + number)
        batches = self._bucketed(rows).shuffle(4 * _BUCKETS_PER_DOUBLING, seed=seed + number)
        return self._counted(batches.skip(skip), self.steps - skip)

    def counted_anew(self) -> "TaskBatches":
        """The same with the numbers of steps and tokens of rows that were changed."""
        return task_batches(self.rows, self.batch_size, self.pad_id, self.max_seq_len)

    def _counted(self, batches: tf.data.Dataset, count: int) -> tf.data.Dataset:
        """Tells Keras how many there are, which otherwise takes the end for an interruption and warns of it."""
        return batches.apply(tf.data.experimental.assert_cardinality(count)).prefetch(_PARALLEL)

    def _cut(self, rows: tf.data.Dataset) -> tf.data.Dataset:
        return rows.map(lambda inputs, *more: (with_first_ids(inputs, self.max_seq_len), *more))

    def _bucketed(self, rows: tf.data.Dataset) -> tf.data.Dataset:
        bounds = bucket_bounds(self.max_seq_len)
        return rows.bucket_by_sequence_length(
            lambda inputs, *_: tf.size(ids_among(inputs)),
            bucket_boundaries=bounds,
            bucket_batch_sizes=[self.batch_size] * (len(bounds) + 1),
            padding_values=self._padding(rows.element_spec),
        )

    def _padding(self, spec: tuple[Any, ...]) -> tuple[Any, ...]:
        _, *more = tf.nest.flatten(spec[0])
        inputs = [tf.constant(self.pad_id, tf.int32), *(tf.constant(self.rows.input_padding, of.dtype) for of in more)]
        target = self.rows.target_padding
        padding = (
            tf.nest.pack_sequence_as(spec[0], inputs),
            None if target is None else tf.constant(target, spec[1].dtype),
        )
        return (*padding, None)[: len(spec)]


def task_batches(rows: TaskRows, batch_size: int, pad_id: int, max_seq_len: int) -> TaskBatches:
    """Reads a split once to count its batches and tokens.

    Raises:
        DataError: The split has no rows.
    """
    bounds = tf.constant(bucket_bounds(max_seq_len), tf.int32)
    empty = tf.zeros([len(bounds) + 1], tf.int64), tf.zeros([], tf.int64)

    def count(state, row):
        per_bucket, tokens = state
        size = tf.minimum(tf.size(ids_among(row[0])), max_seq_len)
        bucket = tf.reduce_sum(tf.cast(size >= bounds, tf.int32))
        return per_bucket + tf.one_hot(bucket, len(bounds) + 1, dtype=tf.int64), tokens + tf.cast(size, tf.int64)

    per_bucket, tokens = rows.dataset().reduce(empty, count)
    steps = int(tf.reduce_sum(-(-per_bucket // batch_size)))
    if not steps:
        raise DataError(f"there are no rows to read in {', '.join(rows.files) or 'an empty list of files'}.")
    return TaskBatches(rows, batch_size, pad_id, max_seq_len, int(tf.reduce_sum(per_bucket)), steps, int(tokens))


def bucket_bounds(max_seq_len: int) -> list[int]:
    """Lengths at which a new bucket begins, two a doubling.

    >>> bucket_bounds(100)
    [17, 25, 33, 49, 65, 97]
    """
    bounds, size = [], 16
    while size <= max_seq_len:
        bounds += [size + 1, size * 3 // 2 + 1]
        size *= 2
    return [bound for bound in bounds if bound <= max_seq_len]
