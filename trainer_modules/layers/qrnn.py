"""Quasi-recurrent layer (Bradbury et al. 2017, https://arxiv.org/abs/1611.01576), as MultiFiT uses it."""

from typing import Any, Literal

import keras
from keras import ops

from ulmfit_tfx.trainer_modules.layers.initialization import uniform_within
from ulmfit_tfx.trainer_modules.layers.linear_recurrence import linear_recurrence
from ulmfit_tfx.trainer_modules.layers.token_windows import token_windows
from ulmfit_tfx.trainer_modules.layers.whole_sequence import WholeSequenceRNN

GATES = {"f": 2, "fo": 3, "ifo": 4}
"""Gates by pooling: candidate and forget; output; input. They lie in the kernel in this order."""

_OWN_ARGUMENTS = ("window", "pooling", "forget_convention", "zoneout")


@keras.saving.register_keras_serializable("ulmfit_tfx")
class QRNNCell(keras.layers.Layer):
    """One step of a QRNN, for `keras.layers.RNN`. The `QRNN` layer gives the same result many times faster.

        hidden = keras.layers.RNN(QRNNCell(400, zoneout=0.1), return_sequences=True)(embedded)

    It has no DropConnect, which is of the layer, and where window > 1 and states are returned, it wants `features`.
    With `zero_output_for_mask=True` of `keras.layers.RNN`, masked positions are zero as they are in the layer.

    Call arguments: `inputs` float [batch, features]; `states`, [cell state [batch, units]] and where window > 1 the
    inputs before it, [batch, (window - 1) * features], the latest first; `training`. Returns the output, float
    [batch, units], and the states after the step.
    """

    def __init__(
        self,
        units: int,
        window: int = 1,
        pooling: Literal["f", "fo", "ifo"] = "fo",
        forget_convention: Literal["fastai", "paper"] = "fastai",
        zoneout: float = 0.0,
        seed: int | None = None,
        features: int | None = None,
        **kwargs: Any,
    ):
        """Creates the cell.

        Args:
            units: Size of the state and of the output.
            window: Tokens that a step sees: itself and `window - 1` before it, in the order x[t], x[t-1], ...
            pooling: `f`, `fo` or `ifo` of the paper's section 2.1.
            forget_convention: `fastai`: c = f*z + (1-f)*c_before. `paper`: c = f*c_before + (1-f)*z. With `ifo`,
                the weight of z is the input gate in both.
            zoneout: In training, share of the units that keep their state at a step (section 2.2).
            seed: Of zoneout.
            features: Of a step's input. Needed beforehand only where window > 1 and `keras.layers.RNN` has
                `return_state`: it asks for the sizes of the states before it builds the cell.
            **kwargs: Of `keras.layers.Layer`.

        Raises:
            ValueError: An argument is not one of the above.
        """
        super().__init__(**kwargs)
        if pooling not in GATES:
            raise ValueError(f"pooling is {pooling!r}, expected one of {', '.join(GATES)}")
        if forget_convention not in ("fastai", "paper"):
            raise ValueError(f"forget_convention is {forget_convention!r}, expected fastai or paper")
        for name, value in (("units", units), ("window", window)):
            if value < 1:
                raise ValueError(f"{name} is {value}, expected at least 1")
        if not 0 <= zoneout < 1:
            raise ValueError(f"zoneout is {zoneout}, expected at least 0 and less than 1")
        self.units = units
        self.window = window
        self.pooling = pooling
        self.forget_convention = forget_convention
        self.zoneout = zoneout
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.features = features or 0

    def build(self, input_shape):
        """Creates `kernel` [window * features, gates * units] and `bias` [gates * units], see `uniform_within`."""
        self.features = input_shape[-1]
        gates = GATES[self.pooling] * self.units
        size = self.window * self.features
        self.kernel = self.add_weight(shape=(size, gates), initializer=uniform_within(size), name="kernel")
        self.bias = self.add_weight(shape=(gates,), initializer=uniform_within(size), name="bias")

    @property
    def output_size(self) -> int:
        """Size of the output."""
        return self.units

    @property
    def state_size(self) -> list[int | None]:
        """Size of each state. That of the inputs before is known once the cell is built."""
        if self.window == 1:
            return [self.units]
        return [self.units, (self.window - 1) * self.features if self.features else None]

    def get_initial_state(self, batch_size=None):
        """Zeros."""
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in self.state_size]

    def call(self, inputs, states, training=False):
        """Takes a step, see the class."""
        cell_state, *before = states
        windows = ops.concatenate([inputs, *before], axis=-1)
        decay, update, output_gate = self.shares(ops.matmul(windows, self.kernel) + self.bias, training)
        cell_state = decay * cell_state + update
        output = cell_state if output_gate is None else output_gate * cell_state
        return output, [cell_state, *([windows[:, : -self.features]] if before else [])]

    def shares(self, gates, training, is_token=None):
        """Turns gates into the terms of `c = decay * c_before + update` and `output = output_gate * c`.

        Args:
            gates: float [..., gates * units], before their activations.
            training: Whether zoneout is active.
            is_token: bool [..., 1], False where the state stays as it was, or None.

        Returns:
            decay, update and the output gate, float [..., units] each, the last None with `f` pooling.
        """
        candidate, forget, *others = ops.split(gates, GATES[self.pooling], axis=-1)
        forget = ops.sigmoid(forget)
        is_updated = self._is_updated(forget, training, is_token)
        share = is_updated * (forget if self.forget_convention == "fastai" else 1 - forget)
        decay = 1 - share
        if self.pooling == "ifo":
            share = is_updated * ops.sigmoid(others[1])
        return decay, share * ops.tanh(candidate), ops.sigmoid(others[0]) if others else None

    def _is_updated(self, like, training, is_token):
        """Ones where the state may change, zeros where zoneout or the mask keeps it."""
        is_updated = 1 if is_token is None else ops.cast(is_token, like.dtype)
        if training and self.zoneout:
            is_kept = keras.random.uniform(ops.shape(like), seed=self.seed_generator) < self.zoneout
            is_updated = is_updated * ops.cast(ops.logical_not(is_kept), like.dtype)
        return is_updated

    def get_config(self):
        """Constructor arguments."""
        own = ("units", *_OWN_ARGUMENTS, "seed")
        return super().get_config() | {name: getattr(self, name) for name in own} | {"features": self.features or None}


@keras.saving.register_keras_serializable("ulmfit_tfx")
class QRNN(WholeSequenceRNN):
    """A quasi-recurrent layer: one matrix product for all steps, then an elementwise recurrence.

    Stands wherever `keras.layers.LSTM` does. Call arguments: `sequences` float [batch, time, features];
    `initial_state`, a list as `return_state` gives it; `mask` bool [batch, time], True at tokens; `training`. Masked
    positions are zero in the output, leave the state as it was and are no part of a later token's window.
    """

    def __init__(
        self,
        units: int,
        window: int = 1,
        pooling: Literal["f", "fo", "ifo"] = "fo",
        forget_convention: Literal["fastai", "paper"] = "fastai",
        zoneout: float = 0.0,
        weight_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        """Creates the layer.

        Args:
            units: See `QRNNCell`.
            window: See `QRNNCell`.
            pooling: See `QRNNCell`.
            forget_convention: See `QRNNCell`.
            zoneout: See `QRNNCell`.
            weight_dropout: DropConnect rate of the kernel in training, a new mask each batch.
            seed: Of zoneout and DropConnect.
            **kwargs: `return_sequences`, `return_state`, `go_backwards` and `stateful` as in `keras.layers.LSTM`, and
                those of `keras.layers.Layer`. The states are those of `QRNNCell`.
        """
        cell = QRNNCell(
            units, window, pooling, forget_convention, zoneout, seed, dtype=kwargs.get("dtype"), name="qrnn_cell"
        )
        super().__init__(cell, weight_dropout, seed, **kwargs)

    def build(self, sequences_shape, initial_state_shape=None):
        """Builds the cell, after which the size of all states is known."""
        super().build(sequences_shape, initial_state_shape)
        self.state_size = self.cell.state_size

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        """Shapes of the output and, with `return_state`, of the states."""
        shape = super().compute_output_shape(sequences_shape, initial_state_shape)
        if not self.return_state or self.cell.window == 1:
            return shape
        return *shape[:2], (sequences_shape[0], (self.cell.window - 1) * sequences_shape[-1])

    def run(self, sequence, states, mask, training):
        """See `WholeSequenceRNN.run`."""
        cell_state, *before = states
        if before:
            before = ops.cast(before[0], sequence.dtype)
            sequence, before = token_windows(sequence, before, self.cell.features, mask)
        gates = self.product(sequence, self.dropped(self.cell.kernel, training), self.cell.bias, mask, training)
        decay, update, output_gate = self.cell.shares(gates, training, None if mask is None else mask[..., None])
        cells = linear_recurrence(decay, update, cell_state)
        outputs = cells if output_gate is None else output_gate * cells
        return outputs, [cells[-1], *([before] if self.cell.window > 1 else [])]

    def get_config(self):
        """Constructor arguments."""
        return super().get_config() | {name: getattr(self.cell, name) for name in _OWN_ARGUMENTS}
