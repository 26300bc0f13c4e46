"""Quasi-recurrent layer (Bradbury et al. 2017, https://arxiv.org/abs/1611.01576), as MultiFiT uses it."""

from typing import Any, Literal

import keras
from keras import ops

from ulmfit_tfx.trainer_modules.layers.masking import last_true, zero_padding
from ulmfit_tfx.trainer_modules.layers.recurrence import dropconnect, linear_recurrence

GATES = {"f": 2, "fo": 3, "ifo": 4}
"""Gates by pooling: candidate and forget; output; input. They lie in the kernel in this order."""


@keras.saving.register_keras_serializable("ulmfit_tfx")
class QRNN(keras.layers.Layer):
    """A quasi-recurrent layer: one matrix product for all steps, then an elementwise recurrence.

    Call arguments: `sequence` float [batch, time, features]; `initial_state`, a list as `return_state` gives it;
    `mask` bool [batch, time], True at tokens, padding at the end; `training`. Masked positions are zero in the output
    and leave the state as it was.
    """

    def __init__(
        self,
        units: int,
        window: int = 1,
        pooling: Literal["f", "fo", "ifo"] = "fo",
        forget_convention: Literal["fastai", "paper"] = "fastai",
        zoneout: float = 0.0,
        weight_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        """Creates the layer.

        Args:
            units: Size of the state and of the output.
            window: Tokens that a step sees: itself and `window - 1` before it, in the order x[t], x[t-1], ...
            pooling: `f`, `fo` or `ifo` of the paper's section 2.1.
            forget_convention: `fastai`: c = f*z + (1-f)*c_before. `paper`: c = f*c_before + (1-f)*z. With `ifo`,
                the weight of z is the input gate in both.
            zoneout: In training, share of the units that keep their state at a step (section 2.2).
            weight_dropout: DropConnect rate of the kernel in training, a new mask each batch.
            return_sequences: Return all steps, not the last.
            return_state: Return the state too: [cell state [batch, units]], and where window > 1 the last inputs
                [batch, window - 1, features].
            seed: Of zoneout and DropConnect.
            **kwargs: Of `keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        if pooling not in GATES:
            raise ValueError(f"pooling is {pooling!r}, expected one of {', '.join(GATES)}")
        if forget_convention not in ("fastai", "paper"):
            raise ValueError(f"forget_convention is {forget_convention!r}, expected fastai or paper")
        if window < 1:
            raise ValueError(f"window is {window}, expected at least 1")
        self.units = units
        self.window = window
        self.pooling = pooling
        self.forget_convention = forget_convention
        self.zoneout = zoneout
        self.weight_dropout = weight_dropout
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def build(self, input_shape):
        """Creates `kernel` [window * features, gates * units] and `bias` [gates * units]."""
        gates = GATES[self.pooling] * self.units
        self.kernel = self.add_weight(shape=(self.window * input_shape[-1], gates), name="kernel")
        self.bias = self.add_weight(shape=(gates,), initializer="zeros", name="bias")

    def call(self, sequence, initial_state=None, mask=None, training=False):
        """Runs the layer, see the class."""
        sequence = zero_padding(sequence, mask)
        cell_state, window_state = self._states(sequence, initial_state)
        windows, padded = self._windows(sequence, window_state)
        kernel = self.kernel
        if training and self.weight_dropout:
            kernel = dropconnect(kernel, self.weight_dropout, self.seed_generator)
        gates = ops.split(ops.matmul(windows, kernel) + self.bias, GATES[self.pooling], axis=-1)
        update_share, keep_share = self._shares(gates, training)
        if mask is not None:
            is_token = ops.cast(mask, sequence.dtype)[..., None]
            update_share, keep_share = update_share * is_token, keep_share * is_token + (1 - is_token)
        cells = linear_recurrence(keep_share, update_share * ops.tanh(gates[0]), cell_state)
        hidden = cells if self.pooling == "f" else ops.sigmoid(gates[2]) * cells
        hidden = zero_padding(hidden, mask)
        output = hidden if self.return_sequences else last_true(hidden, mask)
        if not self.return_state:
            return output
        return [output, cells[:, -1], *self._last_inputs(padded, mask)]

    def _states(self, sequence, initial_state):
        if initial_state is None:
            batch, features = ops.shape(sequence)[0], sequence.shape[-1]
            cell_state = ops.zeros((batch, self.units), dtype=sequence.dtype)
            return cell_state, ops.zeros((batch, self.window - 1, features), dtype=sequence.dtype)
        cell_state, *rest = initial_state
        return cell_state, rest[0] if rest else None

    def _windows(self, sequence, window_state):
        """Concatenates x[t], x[t-1], ... on the feature axis; before the first step stands the window state."""
        if self.window == 1:
            return sequence, sequence
        time = ops.shape(sequence)[1]
        padded = ops.concatenate([window_state, sequence], axis=1)
        shifts = range(self.window - 1, -1, -1)
        return ops.concatenate([padded[:, shift : shift + time] for shift in shifts], axis=-1), padded

    def _shares(self, gates, training):
        """How much of the candidate goes into the state, and how much of the state before is kept."""
        forget = ops.sigmoid(gates[1])
        keep = 1 - forget if self.forget_convention == "fastai" else forget
        update = ops.sigmoid(gates[3]) if self.pooling == "ifo" else 1 - keep
        if training and self.zoneout:
            updated = ops.cast(
                keras.random.uniform(ops.shape(keep), seed=self.seed_generator) >= self.zoneout, keep.dtype
            )
            keep, update = 1 - updated * (1 - keep), updated * update
        return update, keep

    def _last_inputs(self, padded, mask):
        if self.window == 1:
            return []
        if mask is None:
            return [padded[:, -(self.window - 1) :]]
        lengths = ops.sum(ops.cast(mask, "int32"), axis=1)
        positions = lengths[:, None] + ops.arange(self.window - 1)[None]
        return [ops.take_along_axis(padded, positions[..., None], axis=1)]

    def compute_mask(self, inputs, mask=None):
        """The mask goes on with a sequence and ends at a single output."""
        output_mask = mask if self.return_sequences else None
        return [output_mask] + [None] * (1 + (self.window > 1)) if self.return_state else output_mask

    def get_config(self):
        """Constructor arguments."""
        own = ("units", "window", "pooling", "forget_convention", "zoneout", "weight_dropout")
        shared = ("return_sequences", "return_state", "seed")
        return super().get_config() | {name: getattr(self, name) for name in (*own, *shared)}
