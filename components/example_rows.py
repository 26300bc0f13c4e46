"""Rows back out of an `Examples` artifact."""

from collections.abc import Iterator

import tensorflow as tf
from tfx import types
from tfx.types import artifact_utils

from ulmfit_tfx.components.record_files import read_batches
from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.transforms.records.record import Row


def row_of(example: tf.train.Example) -> Row:
    """The row of a tf.Example of `row_encoding`. Numbers are those of float32; a row names no split and no key."""
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
        teacher_probabilities=numbers(feature_names.TEACHER_PROBABILITIES),
        is_transfer=feature_names.IS_TRANSFER in features and any(features[feature_names.IS_TRANSFER].int64_list.value),
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
    for records in read_batches(files):
        for record in records:
            yield row_of(tf.train.Example.FromString(record))
