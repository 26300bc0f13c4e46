"""Rows of a task as datasets of (ids, target) or (ids, target, weight), read from its transformed examples."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from ulmfit_tfx.schemas.feature_names import TOKEN_IDS, WEIGHT

_PARALLEL = 2
IDS = {TOKEN_IDS: tf.io.VarLenFeature(tf.int64)}
"""The feature that holds the pieces."""


@dataclasses.dataclass(frozen=True)
class TaskRows:
    """Rows of one split.

    Attributes:
        files: TFRecord files (gzip) of transformed examples.
        dataset: Reads them, in file order: ids int32 [pieces], or a tuple of these and other inputs; the target; where
            rows differ in weight, float32 [].
        target_padding: What fills a target whose length varies; None where it does not.
        input_padding: What fills inputs beside the ids.
        own: Where a teacher alone speaks of some rows: whether each has a label of its own, bool [], and the target
            that it would have by it alone, in file order. None: all rows are such, and have.
        gold_repeats: How often those with a label of their own are read in an epoch of training.
    """

    files: tuple[str, ...]
    dataset: Callable[[], tf.data.Dataset]
    target_padding: int | float | None = None
    input_padding: int | None = None
    own: Callable[[], tf.data.Dataset] | None = None
    gold_repeats: int = 1


def ids_among(inputs: Any) -> tf.Tensor:
    """The ids of a row's inputs, which come first where there are more."""
    return tf.nest.flatten(inputs)[0]


def with_first_ids(inputs: Any, count: int) -> Any:
    """A row's inputs with the first ids alone, so many at most."""
    ids, *more = tf.nest.flatten(inputs)
    return tf.nest.pack_sequence_as(inputs, [ids[:count], *more])


def has_weights(files: Sequence[str]) -> bool:
    """Whether rows have a `weight`, judged by the first one."""
    features = {WEIGHT: tf.io.VarLenFeature(tf.float32)}
    return any(bool(tf.size(row[WEIGHT].values)) for row in parsed(tuple(files), features).take(1))


def rows_of(files: Sequence[str], features: Mapping[str, Any], read: Callable[[Any], Any]) -> TaskRows:
    """Rows that are read one from each example.

    Args:
        files: Of the split.
        features: Of an example, as `tf.io.parse_single_example` takes them.
        read: From these to ids, target and perhaps weight, see `with_weight`.
    """
    files = tuple(files)
    return TaskRows(files, lambda: parsed(files, features).map(read, num_parallel_calls=_PARALLEL, deterministic=True))


def parsed(files: tuple[str, ...], features: Mapping[str, Any]) -> tf.data.Dataset:
    """Examples in file order, as dictionaries of their features."""
    parse = functools.partial(tf.io.parse_single_example, features=features)
    records = tf.data.TFRecordDataset(list(files), compression_type="GZIP")
    return records.map(parse, num_parallel_calls=_PARALLEL, deterministic=True)


def ids_of(row: Mapping[str, Any]) -> tf.Tensor:
    """The ids of an example that has the features `IDS`, int32 [pieces]."""
    return tf.cast(row[TOKEN_IDS].values, tf.int32)


def weight_feature(weighted: bool) -> dict[str, Any]:
    """The feature of a row's own weight, where rows have one."""
    return {WEIGHT: tf.io.FixedLenFeature([], tf.float32)} if weighted else {}


def with_weight(ids: tf.Tensor, target: Any, weight: tf.Tensor | None) -> tuple[tf.Tensor, ...]:
    """A row as Keras expects it."""
    return (ids, target) if weight is None else (ids, target, weight)
