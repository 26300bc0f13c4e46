"""Applies a function to some of the rows at a time, so that what it computes of all of them is never in memory."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf


def rows_at_a_time(columns: int, max_numbers: int) -> int:
    """Rows of so many columns that keep below a number of numbers, at least one."""
    return max(max_numbers // columns, 1)


def over_rows(
    function: Callable[..., Sequence[tf.Tensor]], inputs: Sequence[tf.Tensor], dtypes: Sequence[tf.DType], rows: int
) -> tuple[tf.Tensor, ...]:
    """Applies a function to some of the rows at a time and joins what it returns.

    Args:
        function: From parts of the inputs to one tensor or more, [rows] each.
        inputs: Tensors of as many rows, [count, ...].
        dtypes: Of what the function returns.
        rows: At a time.
    """
    count = tf.shape(inputs[0])[0]
    chunks = -(-count // rows)
    arrays = [tf.TensorArray(dtype, chunks, infer_shape=False, element_shape=[None]) for dtype in dtypes]

    def step(index, arrays):
        outputs = function(*(tensor[index * rows : (index + 1) * rows] for tensor in inputs))
        return index + 1, [array.write(index, output) for array, output in zip(arrays, outputs, strict=True)]

    _, arrays = tf.while_loop(lambda index, _: index < chunks, step, (0, arrays), parallel_iterations=1)
    return tuple(tf.reshape(array.concat(), [count]) for array in arrays)


def over_rows_with_sums(
    function: Callable[..., tuple[tf.Tensor, Sequence[tf.Tensor]]],
    inputs: Sequence[tf.Tensor],
    joined: tf.TensorSpec,
    zeros: Sequence[tf.Tensor],
    rows: int,
) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
    """Applies a function to some of the rows at a time; joins the first thing it returns and adds up the others.

    Args:
        function: From parts of the inputs to a tensor [rows, size], and tensors to add up.
        inputs: Tensors of as many rows, [count, ...].
        joined: [None, size], of the function's first result.
        zeros: Of the shapes and dtypes of the others.
        rows: At a time.
    """
    if inputs[0].shape[0] is not None and inputs[0].shape[0] <= rows:
        output, added = function(*inputs)
        return output, tuple(added)
    count, size = tf.shape(inputs[0])[0], joined.shape[1]
    chunks = -(-count // rows)
    outputs = tf.TensorArray(joined.dtype, chunks, infer_shape=False, element_shape=[None, size])

    def step(index: Any, outputs: Any, sums: Any) -> Any:
        output, added = function(*(tensor[index * rows : (index + 1) * rows] for tensor in inputs))
        sums = [total + part for total, part in zip(sums, added, strict=True)]
        return index + 1, outputs.write(index, output), sums

    _, outputs, sums = tf.while_loop(
        lambda index, *_: index < chunks, step, (0, outputs, list(zeros)), parallel_iterations=1
    )
    return tf.reshape(outputs.concat(), [count, size]), tuple(sums)
