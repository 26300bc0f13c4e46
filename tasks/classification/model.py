"""The document classifier."""

from typing import Any

import keras

from ulmfit_tfx.schemas.config.head import HeadConfig
from ulmfit_tfx.trainer_modules.models.document_head import document_head


def build_classifier(
    encoder: keras.Model,
    config: HeadConfig,
    classes: int,
    seed: int | None = None,
    *,
    name: str = "classifier",
    **reading: Any,
) -> keras.Model:
    """Puts a classification head on an encoder.

    Args:
        encoder: As `build_encoder` makes it.
        config: See `document_head`.
        classes: Number of classes.
        seed: Of dropouts.
        name: Of the model.
        **reading: `bos_id`, `reads_backward`, `chunk_pieces` and `gradient_pieces`, see `document_head`.

    Returns:
        A model from ids, int32 [batch, time], to logits, float [batch, classes].
    """
    ids, logits = document_head(encoder, config, classes, seed, **reading)
    return keras.Model(ids, logits, name=name)
