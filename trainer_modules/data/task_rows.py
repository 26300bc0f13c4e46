"""Rows of a task as datasets of (ids, target) or (ids, target, weight), read from its transformed examples."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ulmfit_tfx.schemas.config.tagging import TaggingConfig
from ulmfit_tfx.schemas.feature_names import (
    LABEL_ID,
    LABEL_IDS,
    PIECE_COUNTS,
    TAG_COUNTS,
    TAG_IDS,
    TARGETS,
    TOKEN_IDS,
    WEIGHT,
)
from ulmfit_tfx.transforms.piece_windows import NO_TAG, window_tags, windows_of
from ulmfit_tfx.transforms.tokenization import Tokenizer

_PARALLEL = 2
_IDS = {TOKEN_IDS: tf.io.VarLenFeature(tf.int64)}


@dataclasses.dataclass(frozen=True)
class TaskRows:
    """Rows of one split.

    Attributes:
        files: TFRecord files (gzip) of transformed examples.
        dataset: Reads them, in file order: ids int32 [pieces]; the target; where rows differ in weight, float32 [].
        target_padding: What fills a target whose length varies; None where it does not.
    """

    files: tuple[str, ...]
    dataset: Callable[[], tf.data.Dataset]
    target_padding: int | float | None = None


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
            return _weighted(_ids(row), target, row.get(WEIGHT))
        weight = tf.gather(tf.constant(class_weights, tf.float32), tf.maximum(target, 0))
        return _ids(row), target, weight * row.get(WEIGHT, 1.0)

    features = _IDS | {LABEL_ID: tf.io.FixedLenFeature([], tf.int64)} | _weight(weighted)
    return _rows(files, features, read)


def multi_label_rows(files: Sequence[str], classes: int, weighted: bool = False) -> TaskRows:
    """Rows of any number of labels: target float32 [classes], 1 at those that a row has."""

    def read(row):
        return _weighted(_ids(row), _multi_hot(row[LABEL_IDS].values, classes), row.get(WEIGHT))

    features = _IDS | {LABEL_IDS: tf.io.VarLenFeature(tf.int64)} | _weight(weighted)
    return _rows(files, features, read)


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
        return _weighted(_ids(row), (numbers - tf.constant(mean, tf.float32)) / tf.constant(scale, tf.float32), weight)

    features = _IDS | {TARGETS: tf.io.FixedLenFeature([targets], tf.float32)} | _weight(weighted)
    if copies_of is None:
        return _rows(files, features, read)

    def copied(number, row):
        return tf.data.Dataset.from_tensors(read(row)).repeat(copies_of(number, row[TARGETS]))

    files = tuple(files)
    return TaskRows(files, lambda: _parsed(files, features).enumerate().flat_map(copied))


def tagged_rows(
    files: Sequence[str], tokenizer: Tokenizer, tags: int, inside: Sequence[int], tagging: TaggingConfig, size: int
) -> TaskRows:
    """Windows of tagged sentences: ids with `<s>` and `</s>`, and the tag of each piece.

    The target is int32 [pieces], `NO_TAG` at marks; with several tags a word float32 [pieces, tags].

    Args:
        files: Of the split.
        tokenizer: For its marks and padding.
        tags: Number of tags.
        inside: By tag, the one that later pieces of its word have, where the first piece alone has the word's.
        tagging: Alignment, overlap of the windows, whether a word has several tags.
        size: Longest window in pieces, marks counted.
    """
    several = tagging.tag_separator is not None
    features = _IDS | {name: tf.io.VarLenFeature(tf.int64) for name in (PIECE_COUNTS, TAG_IDS)}
    features |= {TAG_COUNTS: tf.io.VarLenFeature(tf.int64)} if several else {}

    def windows(row):
        counts = row[PIECE_COUNTS].values
        if several:
            of_words = tf.RaggedTensor.from_row_lengths(row[TAG_IDS].values, row[TAG_COUNTS].values)
            piece_tags = tf.repeat(_multi_hot_rows(of_words, tags), counts, axis=0)
        else:
            known = tf.maximum(row[TAG_IDS].values, 0)  # a tag that training never saw: any will do for the loss
            piece_tags = _piece_tags(known, counts, inside, tagging.alignment == "first_piece")
        ids, held = windows_of(tf.RaggedTensor.from_tensor(_ids(row)[None]), size, tagging.window_overlap, tokenizer)
        targets = window_tags(tf.RaggedTensor.from_tensor(piece_tags[None], ragged_rank=1), held)
        return tf.data.Dataset.from_tensor_slices((ids, targets)).map(_without_padding)

    def _without_padding(ids, target):
        length = tf.reduce_sum(tf.cast(tf.not_equal(ids, tokenizer.special_ids.pad), tf.int32))
        return ids[:length], target[:length]

    files = tuple(files)
    return TaskRows(files, lambda: _parsed(files, features).flat_map(windows), NO_TAG * (1.0 if several else 1))


def read_targets(files: Sequence[str], targets: int) -> np.ndarray:
    """The numbers of all rows, float64 [rows, targets]."""
    features = {TARGETS: tf.io.FixedLenFeature([targets], tf.float32)}
    batches = [batch.numpy() for batch in _parsed(tuple(files), features).map(lambda row: row[TARGETS]).batch(4096)]
    return np.concatenate(batches).astype(np.float64) if batches else np.zeros((0, targets))


def count_labels(files: Sequence[str], classes: int) -> np.ndarray:
    """Rows of each class, int64 [classes], of rows of one label each."""
    features = {LABEL_ID: tf.io.FixedLenFeature([], tf.int64)}
    counts = _parsed(tuple(files), features).reduce(
        tf.zeros([classes], tf.int64), lambda counts, row: counts + tf.one_hot(row[LABEL_ID], classes, dtype=tf.int64)
    )
    return counts.numpy()


def has_weights(files: Sequence[str]) -> bool:
    """Whether rows have a `weight`, judged by the first one."""
    features = {WEIGHT: tf.io.VarLenFeature(tf.float32)}
    return any(bool(tf.size(row[WEIGHT].values)) for row in _parsed(tuple(files), features).take(1))


def _piece_tags(tags: tf.Tensor, counts: tf.Tensor, inside: Sequence[int], only_first: bool) -> tf.Tensor:
    """Tags of pieces, int32 [pieces], from those of words and the number of pieces of each."""
    of_pieces = tf.repeat(tags, counts)
    if only_first:
        starts = tf.cumsum(counts, exclusive=True)
        is_first = tf.scatter_nd(starts[:, None], tf.ones_like(starts), tf.shape(of_pieces, tf.int64)[:1])
        of_pieces = tf.where(is_first > 0, of_pieces, tf.gather(tf.constant(inside, tf.int64), of_pieces))
    return tf.cast(of_pieces, tf.int32)


def _rows(files: Sequence[str], features: Mapping[str, Any], read: Callable[[Any], Any]) -> TaskRows:
    files = tuple(files)
    return TaskRows(files, lambda: _parsed(files, features).map(read, num_parallel_calls=_PARALLEL, deterministic=True))


def _parsed(files: tuple[str, ...], features: Mapping[str, Any]) -> tf.data.Dataset:
    parse = functools.partial(tf.io.parse_single_example, features=features)
    records = tf.data.TFRecordDataset(list(files), compression_type="GZIP")
    return records.map(parse, num_parallel_calls=_PARALLEL, deterministic=True)


def _ids(row: Mapping[str, Any]) -> tf.Tensor:
    return tf.cast(row[TOKEN_IDS].values, tf.int32)


def _weight(weighted: bool) -> dict[str, Any]:
    return {WEIGHT: tf.io.FixedLenFeature([], tf.float32)} if weighted else {}


def _weighted(ids, target, weight):
    return (ids, target) if weight is None else (ids, target, weight)


def _multi_hot(label_ids: tf.Tensor, classes: int) -> tf.Tensor:
    """float32 [classes]; ids outside of the vocabulary are left out."""
    return tf.reduce_max(tf.one_hot(tf.concat([label_ids, [-1]], axis=0), classes), axis=0)


def _multi_hot_rows(label_ids: tf.RaggedTensor, classes: int) -> tf.Tensor:
    """float32 [rows, classes] from int64 [rows, (labels)]."""
    if_any = tf.one_hot(label_ids.flat_values, classes)
    return tf.minimum(tf.math.unsorted_segment_sum(if_any, label_ids.value_rowids(), label_ids.nrows()), 1.0)
