"""The mean prediction of a forward and a backward classifier (https://arxiv.org/abs/1801.06146, section 3.3)."""

import functools
import math
from collections.abc import Sequence

import keras
from keras import ops


def averaged_classifier(models: Sequence[keras.Model]) -> keras.Model:
    """Joins classifiers of the same ids and classes into one.

    Args:
        models: As `build_classifier` makes them, with names of their own.

    Returns:
        A model from ids, int32 [batch, time], to the logarithm of the mean of the models' probabilities, float32
        [batch, classes]. These serve as logits: their softmax is that mean.
    """
    ids = keras.Input((None,), dtype="int32", name="numericalized")
    log_probabilities = [ops.log_softmax(ops.cast(model(ids), "float32")) for model in models]
    mean = functools.reduce(ops.logaddexp, log_probabilities) - math.log(len(models))
    return keras.Model(ids, mean, name="averaged_classifier")
