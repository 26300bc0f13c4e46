"""The mean prediction of a forward and a backward model (https://arxiv.org/abs/1801.06146, section 3.3)."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

Combine = Callable[[Sequence[Any]], Any]
"""From the outputs of several models, float32 [batch, outputs] each, to one."""


def averaged_model(models: Sequence[keras.Model], combine: Combine) -> keras.Model:
    """Joins models of the same ids into one.

    Args:
        models: As `build_classifier` or `build_regressor` makes them, with names of their own.
        combine: Their outputs.

    Returns:
        A model from ids, int32 [batch, time], to what `combine` makes of the outputs, float32 [batch, outputs].
    """
    ids = keras.Input((None,), dtype="int32", name="numericalized")
    return keras.Model(ids, combine([ops.cast(model(ids), "float32") for model in models]), name="averaged_model")


def mean_of_softmax(logits: Sequence[Any]) -> Any:
    """The logarithm of the mean probabilities. These serve as logits: their softmax is that mean."""
    return functools.reduce(ops.logaddexp, map(ops.log_softmax, logits)) - math.log(len(logits))


def mean_of_sigmoid(logits: Sequence[Any]) -> Any:
    """Logits whose sigmoid is the mean probability of each class by itself."""
    yes = functools.reduce(ops.logaddexp, [ops.log_sigmoid(of_model) for of_model in logits])
    no = functools.reduce(ops.logaddexp, [ops.log_sigmoid(-of_model) for of_model in logits])
    return yes - no


def mean(outputs: Sequence[Any]) -> Any:
    """The mean number."""
    return sum(outputs) / len(outputs)
