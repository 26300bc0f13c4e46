"""Streams texts out of an `Examples` artifact."""

from collections.abc import Iterator

import tensorflow as tf
from tfx import types
from tfx.types import artifact_utils

from ulmfit_tfx.components.record_files import read_batches
from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.transforms.cleaning import clean


def cleaned_texts(
    examples: types.Artifact, split: str, cleaning: CleaningConfig, separator: str | None = None
) -> Iterator[str]:
    """Texts of a split, cleaned by the ops that the served graph uses, a space in the place of each separator."""
    files = sorted(tf.io.gfile.glob(f"{artifact_utils.get_split_uri([examples], split)}/*"))
    parsing = {feature_names.TEXT: tf.io.FixedLenFeature([], tf.string)}
    for records in read_batches(files):
        texts = tf.io.parse_example(records, parsing)[feature_names.TEXT]
        if separator is not None:
            texts = tf.strings.reduce_join(tf.strings.split(texts, separator), axis=-1, separator=" ")
        for text in clean(texts, cleaning).numpy():
            yield text.decode()
