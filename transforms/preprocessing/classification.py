"""Preprocessing of labelled texts: token ids and label ids."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.transforms.tokenizer_files import read_tokenizer


def preprocessing_fn(inputs: Mapping[str, tf.Tensor], custom_config: Mapping[str, Any]) -> dict[str, Any]:
    """Numericalizes texts and labels.

    `{text: [["Fine."]], label: [["good"]]}` gives `{token_ids: [[2, 817, 9, 3]], label_id: [0]}`.

    Args:
        inputs: `text` and `label`, string [batch, 1].
        custom_config: `max_seq_len`, and `tokenizer`, the tokenizer artifact's folder, which TextTransform puts in.

    Returns:
        `token_ids`, sparse int64 [batch, pieces], and `label_id`, int64 [batch].
    """
    tokenizer = read_tokenizer(custom_config["tokenizer"])
    ids = tokenizer.tokenize(tf.squeeze(inputs[feature_names.TEXT], -1), custom_config["max_seq_len"])
    label_ids = tft.compute_and_apply_vocabulary(
        tf.squeeze(inputs[feature_names.LABEL], -1), vocab_filename=feature_names.LABEL_VOCABULARY
    )
    return {
        feature_names.TOKEN_IDS: tf.cast(ids, tf.int64).to_sparse(),
        feature_names.LABEL_ID: label_ids,
    }
