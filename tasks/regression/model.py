"""The text regressor."""

from collections.abc import Sequence
from typing import Any

import keras

from ulmfit_tfx.schemas.config.head import HeadConfig
from ulmfit_tfx.trainer_modules.layers.bounded_output import BoundedOutput
from ulmfit_tfx.trainer_modules.models.document_head import document_head


def build_regressor(
    encoder: keras.Model,
    config: HeadConfig,
    targets: int,
    seed: int | None = None,
    *,
    bounds: tuple[Sequence[float], Sequence[float]] | None = None,
    name: str = "regressor",
    **reading: Any,
) -> keras.Model:
    """Puts a regression head on an encoder. It begins by answering 0, the mean of what is learned.

    Args:
        encoder: As `build_encoder` makes it.
        config: See `document_head`.
        targets: Numbers a text.
        seed: Of dropouts.
        bounds: Lowest and highest output of each target. None: any.
        name: Of the model.
        **reading: `bos_id`, `reads_backward`, `chunk_pieces` and `gradient_pieces`, see `document_head`.

    Returns:
        A model from ids, int32 [batch, time], to numbers, float32 [batch, targets].
    """
    ids, outputs = document_head(encoder, config, targets, seed, last_kernel="zeros", **reading)
    if bounds is not None:
        outputs = BoundedOutput(*bounds, name="bounds", dtype="float32")(outputs)
    else:
        outputs = keras.layers.Activation("linear", name="numbers", dtype="float32")(outputs)
    return keras.Model(ids, outputs, name=name)
