"""Streams texts and labels out of an `Examples` artifact."""

from collections.abc import Iterator

import tensorflow as tf
from tfx import types
from tfx.types import artifact_utils

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.schemas.config import CleaningConfig
from ulmfit_tfx.transforms.cleaning import clean

_BATCH = 512


def cleaned_texts(
    examples: types.Artifact, split: str, cleaning: CleaningConfig, separator: str | None = None
) -> Iterator[str]:
    """Texts of a split, cleaned by the ops that the served graph uses, a space in the place of each separator."""
    for batch in _batches(examples, split, feature_names.TEXT):
        texts = batch[feature_names.TEXT]
        if separator is not None:
            texts = tf.strings.reduce_join(tf.strings.split(texts, separator), axis=-1, separator=" ")
        for text in clean(texts, cleaning).numpy():
            yield text.decode()


def labelled_texts(examples: types.Artifact, split: str) -> tuple[list[str], list[str]]:
    """Texts and labels of a split, in memory."""
    texts: list[str] = []
    labels: list[str] = []
    for batch in _batches(examples, split, feature_names.TEXT, feature_names.LABEL):
        texts += [text.decode() for text in batch[feature_names.TEXT].numpy()]
        labels += [label.decode() for label in batch[feature_names.LABEL].numpy()]
    return texts, labels


def _batches(examples: types.Artifact, split: str, *features: str) -> tf.data.Dataset:
    files = sorted(tf.io.gfile.glob(f"{artifact_utils.get_split_uri([examples], split)}/*"))
    parsing = {name: tf.io.FixedLenFeature([], tf.string) for name in features}
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_BATCH)
    return records.map(lambda serialized: tf.io.parse_example(serialized, parsing))
