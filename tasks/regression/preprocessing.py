"""Preprocessing of texts with numbers: token ids, and the numbers as they are."""

from collections.abc import Mapping
from typing import Any

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.transforms.text_features import texts, weights


def preprocessing_fn(inputs: Mapping[str, Any], custom_config: Mapping[str, Any]) -> dict[str, Any]:
    """Numericalizes texts.

    `{text: [["Fine."]], targets: [[4.5]]}` gives `{token_ids: [[2, 817, 9, 3]], text: ["Fine."], targets: [[4.5]]}`.

    Args:
        inputs: `text`, string [batch, 1]; `targets`, float32 [batch, targets]; perhaps `weight`, float32 [batch, 1].
        custom_config: See `texts`.

    Returns:
        `token_ids`, sparse int64 [batch, pieces]; `text`, string [batch]; `targets` and `weight` as they come.
    """
    targets = {feature_names.TARGETS: inputs[feature_names.TARGETS]}
    return texts(inputs, custom_config) | targets | weights(inputs)
