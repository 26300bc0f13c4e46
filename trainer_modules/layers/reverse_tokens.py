"""Reversal of padded sequences, for encoders that read texts from their end."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("ulmfit_tfx")
class ReverseTokens(keras.layers.Layer):
    """Reverses the tokens of each row and leaves the padding behind them. Twice is the identity.

    Called with `[sequence, mask]`: [batch, time] or [batch, time, units], and bool [batch, time], True at tokens, with
    padding at the end. Returns what `sequence` is.
    """

    def call(self, inputs):
        """Reverses, see the class."""
        sequence, mask = inputs
        batch, time = ops.shape(sequence)[0], ops.shape(sequence)[1]
        steps = ops.arange(time)[None]
        length = ops.sum(ops.cast(mask, "int32"), axis=1, keepdims=True)
        positions = ops.where(steps < length, length - 1 - steps, steps)
        rows = ops.reshape(sequence, (-1, *sequence.shape[2:]))
        return ops.take(rows, ops.arange(batch)[:, None] * time + positions, axis=0)
