"""Length-bucketed batches of a task's transformed examples.

Batches hold texts of similar length, so that little is computed on padding. The order of an epoch follows from the seed
and the epoch's number alone: a resumed training sees the batches that it would have seen.
"""

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.feature_names import LABEL_ID, TOKEN_IDS

_PARALLEL = 2
_BUCKETS_PER_DOUBLING = 2


@dataclasses.dataclass(frozen=True)
class TaskBatches:
    """Batches of one split.

    Attributes:
        files: TFRecord files (gzip) of tf.Examples with `token_ids` and `label_id`.
        batch_size: Rows a batch.
        pad_id: Id that fills rows up to the longest of their batch.
        max_seq_len: Longest row.
        steps: Batches an epoch, the same for every epoch.
        tokens: Ids an epoch, padding not counted.
    """

    files: tuple[str, ...]
    batch_size: int
    pad_id: int
    max_seq_len: int
    steps: int
    tokens: int

    def in_order(self) -> tf.data.Dataset:
        """The rows in file order, bucketed: (ids int32 [batch, time], labels int64 [batch])."""
        return self._counted(self._bucketed(_rows(self.files)), self.steps)

    def epoch(self, number: int, seed: int, buffer: int, skip: int = 0) -> tf.data.Dataset:
        """The rows in the order of an epoch.

        Args:
            number: The epoch, from 0.
            seed: Of the shuffling.
            buffer: Rows held in memory for shuffling.
            skip: Batches to leave out at the beginning.

        Returns:
            (ids int32 [batch, time], labels int64 [batch]).
        """
        rows = _rows(self.files).shuffle(buffer, seed=seed + number)
        batches = self._bucketed(rows).shuffle(4 * _BUCKETS_PER_DOUBLING, seed=seed + number)
        return self._counted(batches.skip(skip), self.steps - skip)

    def _counted(self, batches: tf.data.Dataset, count: int) -> tf.data.Dataset:
        """Tells Keras how many there are, which otherwise takes the end for an interruption and warns of it."""
        return batches.apply(tf.data.experimental.assert_cardinality(count)).prefetch(_PARALLEL)

    def _bucketed(self, rows: tf.data.Dataset) -> tf.data.Dataset:
        bounds = bucket_bounds(self.max_seq_len)
        return rows.bucket_by_sequence_length(
            lambda ids, label: tf.size(ids),
            bucket_boundaries=bounds,
            bucket_batch_sizes=[self.batch_size] * (len(bounds) + 1),
            padding_values=(tf.constant(self.pad_id, tf.int32), None),
        )


def task_batches(files: Sequence[str], batch_size: int, pad_id: int, max_seq_len: int) -> TaskBatches:
    """Reads a split once to count its batches and tokens.

    Raises:
        DataError: The split has no rows.
    """
    bounds = tf.constant(bucket_bounds(max_seq_len), tf.int32)
    empty = tf.zeros([len(bounds) + 1], tf.int64), tf.zeros([], tf.int64)

    def count(state, row):
        per_bucket, tokens = state
        size = tf.size(row[0])
        bucket = tf.reduce_sum(tf.cast(size >= bounds, tf.int32))
        return per_bucket + tf.one_hot(bucket, len(bounds) + 1, dtype=tf.int64), tokens + tf.cast(size, tf.int64)

    per_bucket, tokens = _rows(files).reduce(empty, count)
    steps = int(tf.reduce_sum(-(-per_bucket // batch_size)))
    if not steps:
        raise DataError(f"there are no rows to read in {', '.join(files) or 'an empty list of files'}.")
    return TaskBatches(tuple(files), batch_size, pad_id, max_seq_len, steps, int(tokens))


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


def _rows(files: Sequence[str]) -> tf.data.Dataset:
    features = {TOKEN_IDS: tf.io.VarLenFeature(tf.int64), LABEL_ID: tf.io.FixedLenFeature([], tf.int64)}

    def parse(serialized):
        row = tf.io.parse_single_example(serialized, features)
        return tf.cast(row[TOKEN_IDS].values, tf.int32), row[LABEL_ID]

    records = tf.data.TFRecordDataset(list(files), compression_type="GZIP")
    return records.map(parse, num_parallel_calls=_PARALLEL, deterministic=True)
