"""Concat pooling (Howard and Ruder 2018, https://arxiv.org/abs/1801.06146, section 3.3)."""

import keras
from keras import ops

from ulmfit_tfx.trainer_modules.layers.masking import last_true, zero_padding


@keras.saving.register_keras_serializable("ulmfit_tfx")
class ConcatPooling(keras.layers.Layer):
    """Concatenates the last, the largest and the mean hidden state over the true tokens.

    Call arguments: `hidden` float [batch, time, units]; `mask` bool [batch, time], True at tokens. Returns
    float [batch, 3 * units], in fastai's order: last, max, mean. A row without tokens gives zeros.
    """

    def call(self, hidden, mask):
        """Pools, see the class."""
        is_token = ops.cast(mask, hidden.dtype)[..., None]
        count = ops.sum(is_token, axis=1)
        lowest = ops.where(is_token > 0, hidden, -1e4)
        largest = ops.where(count > 0, ops.max(lowest, axis=1), 0.0)
        mean = ops.sum(zero_padding(hidden, mask), axis=1) / ops.maximum(count, 1.0)
        return ops.concatenate([last_true(hidden, mask), largest, mean], axis=-1)
