"""LSTM with DropConnect on its recurrent kernel (Merity et al. 2018, https://arxiv.org/abs/1708.02182, section 2)."""

from typing import Any

import keras

from ulmfit_tfx.trainer_modules.layers.initialization import uniform_within
from ulmfit_tfx.trainer_modules.layers.lstm_recurrence import lstm_recurrence
from ulmfit_tfx.trainer_modules.layers.whole_sequence import WholeSequenceRNN


@keras.saving.register_keras_serializable("ulmfit_tfx")
class AWDLSTM(WholeSequenceRNN):
    """An LSTM whose recurrent kernel is masked anew for each batch in training, the same mask at all steps.

    Stands wherever `keras.layers.LSTM` does, with the same weights (`kernel`, `recurrent_kernel`, `bias`, gates in the
    order input, forget, candidate, output), states [hidden, cell] and call arguments: `sequences` float [batch, time,
    features]; `initial_state`; `mask` bool [batch, time], True at tokens; `training`. Masked positions are zero in the
    output and leave the state as it was. Weights begin uniform in -1/sqrt(units)..1/sqrt(units), as the paper's section
    5 has it.
    """

    def __init__(self, units: int, weight_dropout: float = 0.0, seed: int | None = None, **kwargs: Any):
        """Creates the layer.

        Args:
            units: Size of the state and of the output.
            weight_dropout: DropConnect rate of the recurrent kernel in training.
            seed: Of DropConnect.
            **kwargs: `return_sequences`, `return_state`, `go_backwards` and `stateful` as in `keras.layers.LSTM`, and
                those of `keras.layers.Layer`.
        """
        cell = keras.layers.LSTMCell(
            units,
            kernel_initializer=uniform_within(units),
            recurrent_initializer=uniform_within(units),
            bias_initializer=uniform_within(units),
            unit_forget_bias=False,
            seed=seed,
            dtype=kwargs.get("dtype"),
            name="lstm_cell",
        )
        super().__init__(cell, weight_dropout, seed, **kwargs)

    def run(self, sequence, states, mask, training):
        """See `WholeSequenceRNN.run`."""
        from_inputs = self.product(sequence, self.cell.kernel, self.cell.bias, mask, training)
        kernel = keras.ops.cast(self.dropped(self.cell.recurrent_kernel, training), self.recurrence_dtype)
        hidden, cell = states
        hidden_states, last_cell = lstm_recurrence(from_inputs, kernel, hidden, cell, mask, has_gradient=training)
        return hidden_states, [hidden_states[-1], last_cell]
