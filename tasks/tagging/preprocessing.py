"""Preprocessing of tagged words: the pieces of each word, and the ids of its tags."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.transforms.tokenizer_files import read_tokenizer
from ulmfit_tfx.transforms.word_pieces import word_pieces


def preprocessing_fn(inputs: Mapping[str, Any], custom_config: Mapping[str, Any]) -> dict[str, Any]:
    """Numericalizes words and tags.

    `{words: [["Fine", "."]], tags: [["ADJ", "PUNCT"]]}` gives `{token_ids: [[817, 42, 9]], piece_counts: [[2, 1]],
    tag_ids: [[0, 1]]}`.

    Args:
        inputs: `words` and `tags`, sparse string [batch, words].
        custom_config: `tokenizer`, the tokenizer artifact's folder, which TextTransform puts in; `tag_separator`, what
            stands between several tags of a word, or None.

    Returns:
        `token_ids`, `piece_counts` and `tag_ids`, sparse int64; with several tags a word also `tag_counts`.
    """
    tokenizer = read_tokenizer(custom_config["tokenizer"])
    pieces = word_pieces(tokenizer, tf.RaggedTensor.from_sparse(inputs[feature_names.WORDS]))
    tags, counts = inputs[feature_names.TAGS], {}
    if custom_config["tag_separator"] is not None:
        of_words = _several(tf.RaggedTensor.from_sparse(tags), custom_config["tag_separator"])
        counts = {feature_names.TAG_COUNTS: tf.cast(of_words.row_lengths(axis=2), tf.int64).to_sparse()}
        tags = of_words.merge_dims(1, 2).to_sparse()
    return {
        feature_names.TOKEN_IDS: tf.cast(pieces.merge_dims(1, 2), tf.int64).to_sparse(),
        feature_names.PIECE_COUNTS: tf.cast(pieces.row_lengths(axis=2), tf.int64).to_sparse(),
        feature_names.TAG_IDS: tft.compute_and_apply_vocabulary(tags, vocab_filename=feature_names.LABEL_VOCABULARY),
    } | counts


def _several(tags: tf.RaggedTensor, separator: str) -> tf.RaggedTensor:
    """Joined tags, string [batch, (words)], cut apart: string [batch, (words), (tags)]. "" is none."""
    split = tf.strings.split(tags.flat_values, separator)
    split = tf.ragged.boolean_mask(split, tf.not_equal(split, ""))
    return tf.RaggedTensor.from_row_splits(split, tf.cast(tags.row_splits, split.row_splits.dtype))
