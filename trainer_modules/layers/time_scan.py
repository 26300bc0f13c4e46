"""A loop over time steps that every backend runs and TensorFlow runs on sequences of unknown length.

`keras.ops.scan` of Keras 3.9 fails on TensorFlow where the number of steps is not known when the graph is built, which
is always the case in length-bucketed training and in serving.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras

Step = Callable[[list[Any], list[Any]], list[Any]]
"""From the state before a step and the inputs at it, to the state after it."""


def time_scan(step: Step, initial: Sequence[Any], inputs: Sequence[Any], reverse: bool = False) -> list[Any]:
    """Runs a step for each time step.

    Args:
        step: See `Step`.
        initial: State before the first step, float [batch, ...] each.
        inputs: Inputs of all steps, time-major: float [time, batch, ...] each.
        reverse: Begin at the last step.

    Returns:
        States after each step, float [time, batch, ...] each.
    """
    if keras.backend.backend() == "tensorflow":
        return _tensorflow_scan(step, initial, inputs, reverse)

    def with_output(state, at_step):
        state = step(state, at_step)
        return state, state

    return keras.ops.scan(with_output, list(initial), list(inputs), reverse=reverse)[1]


def _tensorflow_scan(step, initial, inputs, reverse):
    import tensorflow as tf

    inputs = [tf.convert_to_tensor(values) for values in inputs]
    time = tf.shape(inputs[0])[0]
    # Reads from a TensorArray have a cheap gradient; slices of a tensor would each have one of the whole tensor's size.
    arrays = [tf.TensorArray(v.dtype, time, element_shape=v.shape[1:]).unstack(v) for v in inputs]
    outputs = [tf.TensorArray(state.dtype, time, element_shape=state.shape) for state in initial]

    def body(index, state, outputs):
        at = time - 1 - index if reverse else index
        state = step(list(state), [array.read(at) for array in arrays])
        return index + 1, state, [output.write(at, value) for output, value in zip(outputs, state, strict=True)]

    _, _, outputs = tf.while_loop(lambda index, *_: index < time, body, (0, list(initial), outputs))
    return [output.stack() for output in outputs]
