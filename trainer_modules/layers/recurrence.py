"""The linear recurrence of the QRNN over a whole sequence (Bradbury et al. 2017, section 2.1)."""

from typing import Any

import keras
from keras import ops

from ulmfit_tfx.trainer_modules.layers.time_scan import time_scan

Tensor = Any
"""A tensor of whichever backend Keras runs on."""


@ops.custom_gradient
def linear_recurrence(decay, update, initial):
    """Computes `c[t] = decay[t] * c[t-1] + update[t]` for all steps.

    The loop is elementwise, one short step a token. Its gradient is the same recurrence run backwards, written here by
    hand: automatic differentiation of the loop keeps a stack of every intermediate and is slower. On two CPU cores,
    batch 32, 256 steps, 256 units, forward and backward took 23 ms this way, 35 ms with `tf.scan` and its own
    gradient, 275 ms as a log-depth scan and 506 ms as a `tf.while_loop` over slices. Unrolled it took 16 ms, but that
    needs a length known when the graph is built (`benchmarks/recurrence.py`).

    Args:
        decay: float [batch, time, units].
        update: float [batch, time, units].
        initial: float [batch, units], the state before the first step.

    Returns:
        float [batch, time, units], the state after each step.
    """
    states = _run(decay, update, initial)

    def gradient(*args, upstream=None):
        if upstream is None:
            (upstream,) = args
        next_decay = ops.concatenate([decay[:, 1:], ops.zeros_like(decay[:, :1])], axis=1)
        d_update = _run(next_decay, upstream, ops.zeros_like(initial), reverse=True)
        previous = ops.concatenate([initial[:, None], states[:, :-1]], axis=1)
        return d_update * previous, d_update, decay[:, 0] * d_update[:, 0]

    return states, gradient


def _run(decay, update, initial, reverse=False):
    def step(state, at_step):
        return [at_step[0] * state[0] + at_step[1]]

    time_major = [ops.transpose(decay, (1, 0, 2)), ops.transpose(update, (1, 0, 2))]
    (states,) = time_scan(step, [initial], time_major, reverse)
    return ops.transpose(states, (1, 0, 2))


def dropconnect(kernel: Tensor, rate: float, seed: keras.random.SeedGenerator) -> Tensor:
    """A copy of a kernel with each weight dropped with probability `rate` and the others scaled up (Wan et al. 2013).

    The kernel itself stays as it is, so that the raw weights are what is trained, saved and exported.
    """
    return keras.random.dropout(kernel, rate, seed=seed)
