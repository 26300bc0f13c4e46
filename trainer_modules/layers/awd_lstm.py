"""LSTM with DropConnect on its recurrent kernel (Merity et al. 2018, https://arxiv.org/abs/1708.02182, section 2)."""

from typing import Any

import keras
from keras import ops

from ulmfit_tfx.trainer_modules.layers.masking import last_true, zero_padding
from ulmfit_tfx.trainer_modules.layers.recurrence import dropconnect
from ulmfit_tfx.trainer_modules.layers.time_scan import time_scan


@keras.saving.register_keras_serializable("ulmfit_tfx")
class AWDLSTM(keras.layers.Layer):
    """An LSTM whose recurrent kernel is masked anew for each batch in training, the same mask at all steps.

    The inputs' share of all gates is one matrix product for all steps. Call arguments are those of
    `ulmfit_tfx.trainer_modules.layers.qrnn.QRNN`; the state is [hidden, cell], each [batch, units].
    """

    def __init__(
        self,
        units: int,
        weight_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        """Creates the layer.

        Args:
            units: Size of the state and of the output.
            weight_dropout: DropConnect rate of the recurrent kernel in training.
            return_sequences: Return all steps, not the last.
            return_state: Return the state too.
            seed: Of DropConnect.
            **kwargs: Of `keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.units = units
        self.weight_dropout = weight_dropout
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def build(self, input_shape):
        """Creates `kernel` [features, 4 * units], `recurrent_kernel` [units, 4 * units] and `bias` [4 * units].

        The gates lie in Keras' order: input, forget, candidate, output. The forget gate's bias starts at one, as in
        `keras.layers.LSTM`.
        """
        gates = 4 * self.units
        self.kernel = self.add_weight(shape=(input_shape[-1], gates), name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, gates), initializer="orthogonal", name="recurrent_kernel"
        )
        self.bias = self.add_weight(shape=(gates,), initializer=self._initial_bias, name="bias")

    def _initial_bias(self, shape, dtype=None):
        ones, zeros = ops.ones((self.units,), dtype), ops.zeros((self.units,), dtype)
        return ops.concatenate([zeros, ones, zeros, zeros])

    def call(self, sequence, initial_state=None, mask=None, training=False):
        """Runs the layer, see the class."""
        if initial_state is None:
            zeros = ops.zeros((ops.shape(sequence)[0], self.units), dtype=sequence.dtype)
            initial_state = [zeros, zeros]
        recurrent_kernel = self.recurrent_kernel
        if training and self.weight_dropout:
            recurrent_kernel = dropconnect(recurrent_kernel, self.weight_dropout, self.seed_generator)
        from_inputs = ops.matmul(zero_padding(sequence, mask), self.kernel) + self.bias
        outputs, (hidden, cell) = _run(from_inputs, recurrent_kernel, initial_state, mask)
        outputs = zero_padding(outputs, mask)
        output = outputs if self.return_sequences else last_true(outputs, mask)
        return [output, hidden, cell] if self.return_state else output

    def compute_mask(self, inputs, mask=None):
        """The mask goes on with a sequence and ends at a single output."""
        output_mask = mask if self.return_sequences else None
        return [output_mask, None, None] if self.return_state else output_mask

    def get_config(self):
        """Constructor arguments."""
        own = ("units", "weight_dropout", "return_sequences", "return_state", "seed")
        return super().get_config() | {name: getattr(self, name) for name in own}


def _run(from_inputs, recurrent_kernel, initial_state, mask):
    """Steps through time. A masked step leaves the state as it was.

    Returns:
        Hidden states, float [batch, time, units], and the last [hidden, cell].
    """
    from_inputs = ops.transpose(from_inputs, (1, 0, 2))
    at_steps = [from_inputs]
    if mask is not None:
        at_steps.append(ops.cast(ops.transpose(mask), from_inputs.dtype)[..., None])

    def step(state, at_step):
        hidden, cell = state
        gates = ops.split(at_step[0] + ops.matmul(hidden, recurrent_kernel), 4, axis=-1)
        next_cell = ops.sigmoid(gates[1]) * cell + ops.sigmoid(gates[0]) * ops.tanh(gates[2])
        next_hidden = ops.sigmoid(gates[3]) * ops.tanh(next_cell)
        if mask is not None:
            is_token = at_step[1]
            next_hidden = is_token * next_hidden + (1 - is_token) * hidden
            next_cell = is_token * next_cell + (1 - is_token) * cell
        return [next_hidden, next_cell]

    hidden, cell = time_scan(step, initial_state, at_steps)
    return ops.transpose(hidden, (1, 0, 2)), [hidden[-1], cell[-1]]
