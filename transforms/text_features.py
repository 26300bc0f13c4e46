"""What the preprocessing of whole texts has in common."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.transforms.tokenizer_files import read_tokenizer


def token_ids(inputs: Mapping[str, Any], custom_config: Mapping[str, Any]) -> tf.SparseTensor:
    """Numericalizes texts.

    Args:
        inputs: `text`, string [batch, 1].
        custom_config: `tokenizer`, the tokenizer artifact's folder, which TextTransform puts in, and perhaps
            `max_seq_len`, pieces after which texts are cut.

    Returns:
        Sparse int64 [batch, pieces].
    """
    tokenizer = read_tokenizer(custom_config["tokenizer"])
    ids = tokenizer.tokenize(tf.squeeze(inputs[feature_names.TEXT], -1), custom_config.get("max_seq_len"))
    return tf.cast(ids, tf.int64).to_sparse()


def texts(inputs: Mapping[str, Any], custom_config: Mapping[str, Any]) -> dict[str, Any]:
    """Texts as ids, and as they are, for what is counted in them.

    Args:
        inputs: `text`, string [batch, 1].
        custom_config: See `token_ids`.

    Returns:
        `token_ids`, sparse int64 [batch, pieces], and `text`, string [batch].
    """
    return {
        feature_names.TOKEN_IDS: token_ids(inputs, custom_config),
        feature_names.TEXT: tf.squeeze(inputs[feature_names.TEXT], -1),
    }


def weights(inputs: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    """The weights of rows, float32 [batch], where they have any."""
    if feature_names.WEIGHT not in inputs:
        return {}
    return {feature_names.WEIGHT: tf.squeeze(inputs[feature_names.WEIGHT], -1)}
