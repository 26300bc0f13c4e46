"""The document classifier: encoder, concat pooling and fastai's two-layer head."""

import keras

from ulmfit_tfx.schemas.config import HeadConfig
from ulmfit_tfx.trainer_modules.layers.pooling import ConcatPooling
from ulmfit_tfx.trainer_modules.models.encoder import layer_seeds

# PyTorch's momentum of 0.1 is the weight of the new batch, Keras' the weight of what was there.
BATCH_NORM_MOMENTUM = 0.9
BATCH_NORM_EPSILON = 1e-5


def build_classifier(encoder: keras.Model, config: HeadConfig, classes: int, seed: int | None = None) -> keras.Model:
    """Puts a classification head on an encoder.

    Args:
        encoder: As `build_encoder` makes it.
        config: Sizes and dropouts of the head.
        classes: Number of classes.
        seed: Of dropouts.

    Returns:
        A model from ids, int32 [batch, time], to logits, float [batch, classes].
    """
    seeds = layer_seeds(None if seed is None else seed + len(encoder.layers))
    ids = keras.Input((None,), dtype="int32", name="numericalized")
    hidden, mask = encoder(ids)
    features = ConcatPooling(name="pooling")(hidden, mask=mask)
    for index, (units, rate) in enumerate(zip((config.hidden_size, classes), config.dropout, strict=True)):
        if config.batch_norm:
            features = keras.layers.BatchNormalization(
                momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON, name=f"batch_norm_{index}"
            )(features)
        features = keras.layers.Dropout(rate, seed=next(seeds), name=f"dropout_{index}")(features)
        activation = "relu" if index == 0 else None
        features = keras.layers.Dense(units, activation=activation, name="hidden" if index == 0 else "logits")(features)
    return keras.Model(ids, features, name="classifier")
