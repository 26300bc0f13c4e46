"""The linear recurrence of the QRNN over a whole sequence (Bradbury et al. 2017, section 2.1)."""

import keras
from keras import ops

from ulmfit_tfx.trainer_modules.layers.time_scan import time_scan

LONGEST_UNROLLED = 128
"""A known length up to this is unrolled; beyond it the graph would grow without a gain."""


@ops.custom_gradient
def linear_recurrence(decay, update, initial):
    """Computes `c[t] = decay[t] * c[t-1] + update[t]` for all steps.

    Unrolled where the length is known, else a loop. The gradient is the same recurrence run backwards, written here by
    hand: automatic differentiation of a loop keeps a stack of every intermediate. On two CPU cores, milliseconds
    forward / with gradient (`benchmarks/recurrence.py`):

        batch x steps x units        1x70x1552     32x70x1552    32x256x256
        unrolled                     1.6 / 1.9     5.1 / 15      7.8 / 20
        loop                         1.8 / 3.4     9.6 / 31      7.4 / 17
        XLA, a compile per length    1.4 / 2.1     21 / 68       3.7 / 8.9
        tf.scan                      1.9 / 7.0     9.5 / 33      7.9 / 35
        log-depth scan               2.4 / 12      39 / 341      21 / 198

    Args:
        decay: float [time, batch, units].
        update: float [time, batch, units].
        initial: float [batch, units], the state before the first step.

    Returns:
        float [time, batch, units], the state after each step.
    """
    states = _recur(decay, update, initial)

    def gradient(*args, upstream=None):
        if upstream is None:
            (upstream,) = args
        next_decay = ops.concatenate([decay[1:], ops.zeros_like(decay[:1])])
        d_update = _recur(next_decay, upstream, ops.zeros_like(initial), reverse=True)
        previous = ops.concatenate([initial[None], states[:-1]])
        return d_update * previous, d_update, decay[0] * d_update[0]

    return states, gradient


def _recur(decay, update, initial, reverse=False):
    time = decay.shape[0]
    if keras.backend.backend() == "tensorflow" and time is not None and 0 < time <= LONGEST_UNROLLED:
        return _unrolled(decay, update, initial, reverse)

    def step(state, at_step):
        state = at_step[0] * state[0] + at_step[1]
        return [state], [state]

    _, (states,) = time_scan(step, [initial], [decay, update], [initial.shape], reverse)
    return states


def _unrolled(decay, update, state, reverse):
    states = []
    steps = list(zip(ops.unstack(decay), ops.unstack(update), strict=True))
    for decay_at_step, update_at_step in reversed(steps) if reverse else steps:
        state = decay_at_step * state + update_at_step
        states.append(state)
    return ops.stack(states[::-1] if reverse else states)
