"""A loop over time steps that every backend runs and TensorFlow runs on sequences of unknown length.

`keras.ops.scan` of Keras 3.9 fails on TensorFlow where the number of steps is not known when the graph is built, which
is always the case in length-bucketed training and in serving.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras

Tensor = Any
"""A tensor of whichever backend Keras runs on."""

Step = Callable[[list[Tensor], list[Tensor]], tuple[list[Tensor], list[Tensor]]]
"""From the state before a step and the inputs at it, to the state after it and the outputs at it."""


def time_scan(
    step: Step,
    initial: Sequence[Tensor],
    inputs: Sequence[Tensor],
    output_shapes: Sequence[tuple[int | None, ...]],
    reverse: bool = False,
) -> tuple[list[Tensor], list[Tensor]]:
    """Runs a step for each time step.

    Args:
        step: See `Step`.
        initial: State before the first step, float [...] each; a step keeps its shape and dtype.
        inputs: Inputs of all steps, [time, ...] each.
        output_shapes: Shape of each output at one step, None where it is not known when the graph is built. Outputs
            are of the first state's dtype.
        reverse: Begin at the last step.

    Returns:
        The state after the last step that ran, and the outputs of all steps, [time, ...] each.
    """
    if keras.backend.backend() == "tensorflow":
        return _tensorflow_scan(step, initial, inputs, output_shapes, reverse)
    return keras.ops.scan(step, list(initial), list(inputs), reverse=reverse)


def _tensorflow_scan(step, initial, inputs, output_shapes, reverse):
    import tensorflow as tf

    inputs = [tf.convert_to_tensor(values) for values in inputs]
    initial = [tf.convert_to_tensor(state) for state in initial]
    time = tf.shape(inputs[0])[0]
    # Reads from a TensorArray have a cheap gradient; slices of a tensor would each have one of the whole tensor's size.
    arrays = [tf.TensorArray(v.dtype, time, element_shape=v.shape[1:]).unstack(v) for v in inputs]
    outputs = [tf.TensorArray(initial[0].dtype, time, element_shape=shape) for shape in output_shapes]

    def body(index, state, outputs):
        at = time - 1 - index if reverse else index
        state, at_step = step(list(state), [array.read(at) for array in arrays])
        return index + 1, state, [output.write(at, value) for output, value in zip(outputs, at_step, strict=True)]

    _, state, outputs = tf.while_loop(lambda index, *_: index < time, body, (0, initial, outputs))
    return state, [output.stack() for output in outputs]
