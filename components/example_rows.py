"""Rows as tf.Examples, and back out of an `Examples` artifact."""

from collections.abc import Iterator

import tensorflow as tf
from tfx import types
from tfx.types import artifact_utils

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.transforms.records.record import Row


def example_of(row: Row, length_bucket: str) -> tf.train.Example:
    """The tf.Example of a row, see `feature_names`. It has the features that the row has."""
    features = {
        feature_names.TEXT: _bytes(row.text),
        feature_names.LENGTH_BUCKET: _bytes(length_bucket),
    } | {feature_names.SLICE_PREFIX + column: _bytes(value) for column, value in row.slices}
    if row.label is not None:
        features[feature_names.LABEL] = _bytes(row.label)
    if row.labels is not None:
        features[feature_names.LABELS] = _bytes(*row.labels)
    if row.targets:
        features[feature_names.TARGETS] = _floats(*row.targets)
    if row.weight is not None:
        features[feature_names.WEIGHT] = _floats(row.weight)
    if row.words:
        features[feature_names.WORDS] = _bytes(*row.words)
        features[feature_names.TAGS] = _bytes(*row.tags)
    return tf.train.Example(features=tf.train.Features(feature=features))


def row_of(example: tf.train.Example) -> Row:
    """The row of a tf.Example that `example_of` made. Numbers are those of float32; a row names no split."""
    features = example.features.feature

    def texts(name: str) -> tuple[str, ...]:
        return tuple(value.decode() for value in features[name].bytes_list.value) if name in features else ()

    def numbers(name: str) -> tuple[float, ...]:
        return tuple(features[name].float_list.value) if name in features else ()

    return Row(
        text=texts(feature_names.TEXT)[0],
        label=next(iter(texts(feature_names.LABEL)), None),
        labels=texts(feature_names.LABELS) if feature_names.LABELS in features else None,
        targets=numbers(feature_names.TARGETS),
        weight=next(iter(numbers(feature_names.WEIGHT)), None),
        words=texts(feature_names.WORDS),
        tags=texts(feature_names.TAGS),
        slices=tuple(
            (name.removeprefix(feature_names.SLICE_PREFIX), texts(name)[0])
            for name in sorted(features)
            if name.startswith(feature_names.SLICE_PREFIX)
        ),
    )


def read_rows(examples: types.Artifact, split: str) -> Iterator[Row]:
    """Streams the rows of a split, in the order of its files.

    Args:
        examples: Of CorpusIngest.
        split: One of its splits.
    """
    files = sorted(tf.io.gfile.glob(f"{artifact_utils.get_split_uri([examples], split)}/*"))
    for record in tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator():
        yield row_of(tf.train.Example.FromString(record))


def _bytes(*values: str) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in values]))


def _floats(*values: float) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))
