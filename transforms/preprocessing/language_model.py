"""Preprocessing of a corpus for a language model: token ids of whole texts."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.transforms.tokenizer_files import read_tokenizer


def preprocessing_fn(inputs: Mapping[str, tf.Tensor], custom_config: Mapping[str, Any]) -> dict[str, Any]:
    """Numericalizes texts, however long.

    `{text: [["Fine."]]}` gives `{token_ids: [[2, 817, 9, 3]]}`.

    Args:
        inputs: `text`, string [batch, 1].
        custom_config: `tokenizer`, the tokenizer artifact's folder, which TextTransform puts in.

    Returns:
        `token_ids`, sparse int64 [batch, pieces].
    """
    tokenizer = read_tokenizer(custom_config["tokenizer"])
    ids = tokenizer.tokenize(tf.squeeze(inputs[feature_names.TEXT], -1))
    return {feature_names.TOKEN_IDS: tf.cast(ids, tf.int64).to_sparse()}
