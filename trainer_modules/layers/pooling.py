"""Concat pooling (Howard and Ruder 2018, https://arxiv.org/abs/1801.06146, section 3.3)."""

from typing import Any

import keras
from keras import ops

from ulmfit_tfx.trainer_modules.layers.masking import last_true, zero_padding


@keras.saving.register_keras_serializable("ulmfit_tfx")
class ConcatPooling(keras.layers.Layer):
    """Concatenates the last, the largest and the mean hidden state over the tokens, or over those that are read last.

    Call arguments: `hidden` float [batch, time, units]; `mask` bool [batch, time], True at tokens. Returns
    float [batch, 3 * units], in fastai's order: last, max, mean. A row without tokens gives zeros.
    """

    def __init__(self, pieces: int | None = None, reads_backward: bool = False, **kwargs: Any):
        """Creates the layer.

        Args:
            pieces: How many tokens to pool over, those that are read last. None: all.
            reads_backward: The first token of a row is the one that is read last, as a backward encoder does.
            **kwargs: Of `keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.pieces = pieces
        self.reads_backward = reads_backward

    def call(self, hidden, mask):
        """Pools, see the class."""
        if self.reads_backward:
            hidden, mask = ops.flip(hidden, axis=1), ops.flip(mask, axis=1)
        if self.pieces is not None:
            mask = _last_tokens(mask, self.pieces)
        is_token = ops.cast(mask, hidden.dtype)[..., None]
        count = ops.sum(is_token, axis=1)
        lowest = ops.where(is_token > 0, hidden, -1e4)
        largest = ops.where(count > 0, ops.max(lowest, axis=1), 0.0)
        mean = ops.sum(zero_padding(hidden, mask), axis=1) / ops.maximum(count, 1.0)
        return ops.concatenate([last_true(hidden, mask), largest, mean], axis=-1)

    def compute_mask(self, inputs, previous_mask=None):
        """None: what is pooled has no time any more. Keras warns of layers that do not say so."""

    def get_config(self):
        """Constructor arguments."""
        return super().get_config() | {"pieces": self.pieces, "reads_backward": self.reads_backward}


def _last_tokens(mask, pieces):
    """True at each row's last tokens, so many of them: bool [batch, time]."""
    count = ops.cumsum(ops.cast(mask, "int32"), axis=1)
    return ops.logical_and(mask, count > count[:, -1:] - pieces)
