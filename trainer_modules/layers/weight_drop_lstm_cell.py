"""One step of AWD-LSTM's recurrence (Merity et al. 2018, https://arxiv.org/abs/1708.02182, section 2)."""

from typing import Any

import keras
from keras import ops

from ulmfit_tfx.trainer_modules.layers.dropconnect import dropconnect


@keras.saving.register_keras_serializable("ulmfit_tfx")
class WeightDropLSTMCell(keras.layers.LSTMCell):
    """A `keras.layers.LSTMCell` whose recurrent kernel is masked in training: the same mask at all steps of a batch.

        cell = WeightDropLSTMCell(1150, kernel_initializer="glorot_uniform", weight_dropout=0.5)
        hidden = keras.layers.RNN(cell, return_sequences=True)(embedded)

    `keras.layers.RNN` draws the mask before the first step of a call and forgets it after the last one. The weights
    themselves stay as they are: they are trained, saved and exported raw. In inference, and with a rate of 0, it is
    Keras' cell, with its weights, states and dtypes. The layer `AWDLSTM` has the same weights and gives the same
    result several times faster; it begins with other values and keeps its states in float32.

    Call arguments: `inputs` float [batch, features]; `states`, hidden and cell state, float [batch, units] each;
    `training`. Returns the hidden state and both states after the step.

    Who steps the cell without `keras.layers.RNN` calls `reset_recurrent_dropout_mask()` before each batch.
    """

    def __init__(self, units: int, weight_dropout: float = 0.0, **kwargs: Any):
        """Creates the cell.

        Args:
            units: Size of the states and of the output.
            weight_dropout: DropConnect rate of the recurrent kernel in training.
            **kwargs: Of `keras.layers.LSTMCell`, but not `recurrent_dropout`, whose place `weight_dropout` takes, nor
                `implementation`. `seed` is of `weight_dropout` and `dropout`.

        Raises:
            ValueError: The rate is not at least 0 and less than 1, or an argument is one of those two.
        """
        if not 0 <= weight_dropout < 1:
            raise ValueError(f"weight_dropout is {weight_dropout}, expected at least 0 and less than 1")
        if kwargs.pop("recurrent_dropout", 0):
            raise ValueError("recurrent_dropout is set, and this cell has weight_dropout in its place")
        if "implementation" in kwargs:
            raise ValueError("implementation is set, and this cell has one alone")
        super().__init__(units, **kwargs)
        self.weight_dropout = weight_dropout
        self._dropped_kernel = None

    def get_recurrent_dropout_mask(self, step_input):
        """Called by `keras.layers.RNN` before the first step: drops weights of the recurrent kernel.

        Without it the mask would be drawn inside of a graph's loop, which means anew at each step.
        """
        if self.weight_dropout and self._dropped_kernel is None:
            kernel = ops.cast(self.recurrent_kernel, self.compute_dtype)
            self._dropped_kernel = dropconnect(kernel, self.weight_dropout, self.seed_generator)

    def reset_recurrent_dropout_mask(self):
        """Called by `keras.layers.RNN` after the last step: the next batch has a mask of its own."""
        self._dropped_kernel = None

    def call(self, inputs, states, training=False):
        """Takes a step, see the class."""
        if not (training and self.weight_dropout):
            return super().call(inputs, states, training)
        hidden, cell = states
        self.get_recurrent_dropout_mask(hidden)
        if self.dropout:
            inputs = inputs * self.get_dropout_mask(inputs)
        gates = ops.matmul(inputs, self.kernel) + ops.matmul(hidden, self._dropped_kernel)
        if self.use_bias:
            gates = gates + self.bias
        input_gate, forget_gate, candidate, output_gate = ops.split(gates, 4, axis=1)
        cell = self.recurrent_activation(forget_gate) * cell
        cell = cell + self.recurrent_activation(input_gate) * self.activation(candidate)
        hidden = self.recurrent_activation(output_gate) * self.activation(cell)
        return hidden, [hidden, cell]

    def get_config(self):
        """Constructor arguments."""
        config = super().get_config()
        del config["recurrent_dropout"]
        return config | {"weight_dropout": self.weight_dropout}
