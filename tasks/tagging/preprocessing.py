"""Preprocessing of tagged words: the pieces of each word, what it looks like, and the ids of its tags."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.transforms.tokenizer_files import read_tokenizer
from ulmfit_tfx.transforms.word_features import word_feature_ids
from ulmfit_tfx.transforms.word_pieces import word_pieces


def preprocessing_fn(inputs: Mapping[str, Any], custom_config: Mapping[str, Any]) -> dict[str, Any]:
    """Numericalizes words and tags.

    `{words: [["Fine", "."]], tags: [["ADJ", "PUNCT"]]}` gives `{token_ids: [[817, 42, 9]], piece_counts: [[2, 1]],
    tag_ids: [[0, 1]]}`.

    Args:
        inputs: `words` and `tags`, sparse string [batch, words].
        custom_config: `tokenizer`, the tokenizer artifact's folder, which TextTransform puts in; `tag_separator`, what
            stands between several tags of a word, or None; `word_features`, whether the model reads them.

    Returns:
        `token_ids`, `piece_counts` and `tag_ids`, sparse int64; with several tags a word also `tag_counts`, and
        with word features `word_feature_ids`.
    """
    tokenizer = read_tokenizer(custom_config["tokenizer"])
    words = tf.RaggedTensor.from_sparse(inputs[feature_names.WORDS])
    pieces = word_pieces(tokenizer, words)
    tags, more = inputs[feature_names.TAGS], {}
    if custom_config["tag_separator"] is not None:
        of_words = _several(tf.RaggedTensor.from_sparse(tags), custom_config["tag_separator"])
        more = {feature_names.TAG_COUNTS: tf.cast(of_words.row_lengths(axis=2), tf.int64).to_sparse()}
        tags = of_words.merge_dims(1, 2).to_sparse()
    if custom_config["word_features"]:
        ids = words.with_values(tf.cast(word_feature_ids(words.values, tokenizer.cleaning), tf.int64))
        more[feature_names.WORD_FEATURE_IDS] = _end_to_end(ids)
    return {
        feature_names.TOKEN_IDS: tf.cast(pieces.merge_dims(1, 2), tf.int64).to_sparse(),
        feature_names.PIECE_COUNTS: tf.cast(pieces.row_lengths(axis=2), tf.int64).to_sparse(),
        feature_names.TAG_IDS: tft.compute_and_apply_vocabulary(tags, vocab_filename=feature_names.LABEL_VOCABULARY),
    } | more


def _end_to_end(ids: tf.RaggedTensor) -> tf.SparseTensor:
    """The ids of the words of each row, [batch, (words), features], one after the other: [batch, (ids)]."""
    features = ids.values.shape[-1]
    return tf.RaggedTensor.from_row_splits(tf.reshape(ids.values, [-1]), ids.row_splits * features).to_sparse()


def _several(tags: tf.RaggedTensor, separator: str) -> tf.RaggedTensor:
    """Joined tags, string [batch, (words)], cut apart: string [batch, (words), (tags)]. "" is none."""
    split = tf.strings.split(tags.flat_values, separator)
    split = tf.ragged.boolean_mask(split, tf.not_equal(split, ""))
    return tf.RaggedTensor.from_row_splits(split, tf.cast(tags.row_splits, split.row_splits.dtype))
