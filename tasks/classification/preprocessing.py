"""Preprocessing of labelled texts: token ids and label ids."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.transforms.text_features import texts, weights


def preprocessing_fn(inputs: Mapping[str, Any], custom_config: Mapping[str, Any]) -> dict[str, Any]:
    """Numericalizes texts and labels.

    `{text: [["Fine."]], label: [["good"]]}` gives `{token_ids: [[2, 817, 9, 3]], text: ["Fine."], label_id: [0]}`, and
    with `labels: [["good", "short"]]` in place of the label `label_ids: [[0, 1]]`.

    Args:
        inputs: `text` and `label`, string [batch, 1], or in place of the latter `labels`, sparse string [batch,
            labels]; perhaps `weight`, float32 [batch, 1].
        custom_config: See `texts`.

    Returns:
        `token_ids`, sparse int64 [batch, pieces]; `text`, string [batch]; `label_id`, int64 [batch], or `label_ids`,
        sparse int64 [batch, labels]; `weight` as it comes, and so what there is of a teacher. The label of a row that
        has none, "", is in no vocabulary, and its `label_id` is -1.
    """
    if feature_names.LABELS in inputs:
        name, labels = feature_names.LABEL_IDS, inputs[feature_names.LABELS]
    else:
        name, labels = feature_names.LABEL_ID, tf.squeeze(inputs[feature_names.LABEL], -1)
    label_ids = tft.compute_and_apply_vocabulary(labels, vocab_filename=feature_names.LABEL_VOCABULARY)
    return texts(inputs, custom_config) | {name: label_ids} | weights(inputs) | _of_teacher(inputs)


def _of_teacher(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What a teacher says, as it comes, where there is one."""
    names = (feature_names.TEACHER_PROBABILITIES, feature_names.IS_TRANSFER)
    return {name: inputs[name] for name in names if name in inputs}
