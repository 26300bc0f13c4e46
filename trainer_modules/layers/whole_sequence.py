"""The common part of the recurrent layers: Keras' RNN interface around a computation of all time steps at once."""

from typing import Any

import keras
from keras import ops

from ulmfit_tfx.trainer_modules.layers.dropconnect import dropconnect
from ulmfit_tfx.trainer_modules.layers.masking import last_true, zero_padding
from ulmfit_tfx.trainer_modules.layers.packed_product import packed_product


class WholeSequenceRNN(keras.layers.RNN):
    """A `keras.layers.RNN` that computes its cell for all time steps at once, not by calling it step after step.

    States, statefulness, direction and masks are those of `keras.layers.LSTM`, except that masked positions are zero
    in the output. The result is that of `keras.layers.RNN` around the cell, whichever positions are masked; what stands
    there has to be finite.
    """

    def __init__(self, cell: keras.layers.Layer, weight_dropout: float, seed: int | None, **kwargs: Any):
        """Creates the layer.

        Args:
            cell: Holds the weights, and the `seed_generator` of all that is random.
            weight_dropout: DropConnect rate in training.
            seed: Of the cell.
            **kwargs: Of `keras.layers.RNN`.

        Raises:
            ValueError: An argument is not one of the above.
        """
        if not 0 <= weight_dropout < 1:
            raise ValueError(f"weight_dropout is {weight_dropout}, expected at least 0 and less than 1")
        if kwargs.pop("unroll", False):
            raise ValueError("unroll is not an argument of this layer: it unrolls where that is faster")
        super().__init__(cell, **kwargs | {"zero_output_for_mask": True})
        self.weight_dropout = weight_dropout
        self.seed = seed

    @property
    def units(self) -> int:
        """Size of the output."""
        return self.cell.units

    def run(self, sequence, states, mask, training):
        """Computes all time steps.

        Args:
            sequence: float [time, batch, features].
            states: Before the first step, float32 or float64.
            mask: bool [time, batch] or None.
            training: Whether dropouts are active.

        Returns:
            Outputs, float [time, batch, units], and the states after the last step.
        """
        raise NotImplementedError

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """Called by `keras.layers.RNN.call`: returns the last output, all outputs and the states."""
        sequence = ops.transpose(sequences, (1, 0, 2))
        time_major_mask = None if mask is None else ops.transpose(ops.cast(mask, "bool"))
        if self.go_backwards:
            sequence = ops.flip(sequence, axis=0)
            time_major_mask = None if mask is None else ops.flip(time_major_mask, axis=0)
        states = [ops.cast(state, self.recurrence_dtype) for state in initial_state]
        outputs, states = self.run(sequence, states, time_major_mask, training)
        outputs = ops.cast(zero_padding(outputs, time_major_mask), self.compute_dtype)
        # The transpose stands last, so that TensorFlow cancels it with the one that the next layer begins with.
        outputs = ops.transpose(outputs, (1, 0, 2))
        last_output = last_true(outputs, None if mask is None else ops.transpose(time_major_mask))
        return last_output, outputs, states

    def compute_mask(self, inputs, mask):
        """None: masks are given to each layer and to each loss by those who call it, in every version of Keras."""

    @property
    def recurrence_dtype(self) -> str:
        """States are float32 where products are float16 or bfloat16: small updates would be lost in these."""
        return "float32" if self.compute_dtype in ("float16", "bfloat16") else self.compute_dtype

    def product(self, sequence, kernel, bias, mask, training):
        """One matrix product for all steps, plus bias: float [time, batch, gates * units], anything at masked steps.

        The product is one of matrices, since TensorFlow without oneDNN takes twice as long for the same product with
        a batch axis.
        """
        time, batch = ops.shape(sequence)[0], ops.shape(sequence)[1]
        rows = ops.reshape(sequence, (-1, kernel.shape[0]))
        packs = mask is not None and not training and keras.backend.backend() == "tensorflow"
        gates = packed_product(rows, kernel, bias, mask) if packs else ops.matmul(rows, kernel) + bias
        return ops.cast(ops.reshape(gates, (time, batch, kernel.shape[-1])), self.recurrence_dtype)

    def dropped(self, kernel, training):
        """The kernel under DropConnect, if any."""
        if not (training and self.weight_dropout):
            return kernel
        return dropconnect(kernel, self.weight_dropout, self.cell.seed_generator)

    def get_config(self):
        """Arguments of `WholeSequenceRNN` and of `keras.layers.RNN` but the cell."""
        config = super().get_config()
        for fixed in ("cell", "unroll", "zero_output_for_mask"):
            del config[fixed]
        return config | {"units": self.units, "weight_dropout": self.weight_dropout, "seed": self.seed}

    @classmethod
    def from_config(cls, config):
        """Creates the layer from `get_config`."""
        return cls(**config)
