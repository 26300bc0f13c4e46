"""Preprocessing of a corpus for a language model: token ids of whole texts."""

from collections.abc import Mapping
from typing import Any

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.transforms.text_features import token_ids


def preprocessing_fn(inputs: Mapping[str, Any], custom_config: Mapping[str, Any]) -> dict[str, Any]:
    """Numericalizes texts, however long.

    `{text: [["Fine."]]}` gives `{token_ids: [[2, 817, 9, 3]]}`.

    Args:
        inputs: `text`, string [batch, 1].
        custom_config: See `token_ids`.

    Returns:
        `token_ids`, sparse int64 [batch, pieces].
    """
    return {feature_names.TOKEN_IDS: token_ids(inputs, custom_config)}
