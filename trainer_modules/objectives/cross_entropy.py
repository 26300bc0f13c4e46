"""Cross entropy of a softmax over a large vocabulary, without all its logits in memory.

35,000 pieces at 70 positions of 128 rows are 1.3 GB of logits, and as much again for each of their softmax and its
gradient. Here logits exist for some of the positions at a time, and in training their gradient is taken at once, so
that nothing is kept or computed again for the backward pass.
"""

import tensorflow as tf

MAX_LOGITS = 4_000_000


def cross_entropy(
    hidden: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, targets: tf.Tensor, max_logits: int = MAX_LOGITS
) -> tuple[tf.Tensor, tf.Tensor]:
    """Negative log likelihood of each target. For evaluation: it has no gradient.

    Args:
        hidden: float [rows, size].
        kernel: float32 [vocab_size, size].
        bias: float32 [vocab_size].
        targets: int32 [rows].
        max_logits: Logits in memory at a time, at least those of one row.

    Returns:
        float32 [rows], in nats, and whether the target is the most probable piece, bool [rows].
    """
    hidden, kernel, bias = tf.stop_gradient(hidden), tf.stop_gradient(kernel), tf.stop_gradient(bias)

    def of_rows(some_hidden, some_targets):
        logits = _logits(some_hidden, kernel, bias)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(some_targets, logits)
        return losses, tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), some_targets)

    empty = (tf.TensorSpec([], tf.float32), tf.TensorSpec([], tf.bool))
    return _over_rows(of_rows, (hidden, targets), empty, _rows_at_a_time(kernel, max_logits))


def summed_cross_entropy(
    hidden: tf.Tensor,
    kernel: tf.Tensor,
    bias: tf.Tensor,
    targets: tf.Tensor,
    weights: tf.Tensor | None = None,
    max_logits: int = MAX_LOGITS,
    label_smoothing: float = 0.0,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Sum of the negative log likelihoods, with a gradient. For training.

    Args:
        hidden: float [rows, size].
        kernel: float32 [vocab_size, size].
        bias: float32 [vocab_size].
        targets: int32 [rows].
        weights: float32 [rows], a factor of each row: 0 where there is no target. None: 1.
        max_logits: Logits in memory at a time, at least those of one row.
        label_smoothing: Share of the target that is spread evenly over all pieces (Szegedy et al. 2016, section 7).

    Returns:
        Two float32 []: the sum that is to be lowered, and the sum without label smoothing, which has no gradient.
    """
    rows = _rows_at_a_time(kernel, max_logits)

    @tf.custom_gradient
    def summed(hidden, kernel, bias):
        return _summed_with_gradient(hidden, kernel, bias, targets, weights, rows, label_smoothing)

    return summed(hidden, tf.convert_to_tensor(kernel), tf.convert_to_tensor(bias))


def _summed_with_gradient(hidden, kernel, bias, targets, weights, rows, smoothing):
    vocab_size, size = kernel.shape
    inputs = (hidden, targets) if weights is None else (hidden, targets, weights)

    def of_rows(some_hidden, some_targets, some_weights=None):
        logits = _logits(some_hidden, kernel, bias)
        losses, d_logits = tf.raw_ops.SparseSoftmaxCrossEntropyWithLogits(features=logits, labels=some_targets)
        smoothed = losses
        if smoothing:
            targeted = tf.gather(logits, some_targets, axis=1, batch_dims=1)
            smoothed = losses + smoothing * (targeted - tf.reduce_mean(logits, axis=-1))
            d_logits += smoothing * (tf.one_hot(some_targets, vocab_size) - 1 / vocab_size)
        if some_weights is not None:
            losses, smoothed = losses * some_weights, smoothed * some_weights
            d_logits *= some_weights[:, None]
        d_bias = tf.reduce_sum(d_logits, axis=0)
        d_logits = tf.cast(d_logits, some_hidden.dtype)
        d_hidden = tf.matmul(d_logits, tf.cast(kernel, some_hidden.dtype))
        d_kernel = tf.cast(tf.matmul(d_logits, some_hidden, transpose_a=True), kernel.dtype)
        return d_hidden, (tf.reduce_sum(smoothed), tf.reduce_sum(losses), d_kernel, d_bias)

    zeros = (tf.zeros([]), tf.zeros([]), tf.zeros([vocab_size, size], kernel.dtype), tf.zeros([vocab_size]))
    d_hidden, (smoothed, losses, d_kernel, d_bias) = _over_rows_with_sums(of_rows, inputs, zeros, rows)

    def gradient(upstream, _):
        factor = tf.cast(upstream, tf.float32)
        return tf.cast(tf.cast(d_hidden, tf.float32) * factor, hidden.dtype), d_kernel * factor, d_bias * factor

    return (smoothed, losses), gradient


def _logits(hidden, kernel, bias):
    product = tf.matmul(hidden, tf.cast(kernel, hidden.dtype), transpose_b=True)
    return tf.cast(product, tf.float32) + tf.cast(bias, tf.float32)


def _rows_at_a_time(kernel: tf.Tensor, max_logits: int) -> int:
    return max(max_logits // int(kernel.shape[0]), 1)


def _over_rows(function, inputs, specs, rows):
    """Applies a function to some of the rows at a time and joins what it returns."""
    count = tf.shape(inputs[0])[0]
    chunks = -(-count // rows)
    arrays = [tf.TensorArray(spec.dtype, chunks, infer_shape=False, element_shape=[None]) for spec in specs]

    def step(index, arrays):
        outputs = function(*(tensor[index * rows : (index + 1) * rows] for tensor in inputs))
        return index + 1, [array.write(index, output) for array, output in zip(arrays, outputs, strict=True)]

    _, arrays = tf.while_loop(lambda index, _: index < chunks, step, (0, arrays), parallel_iterations=1)
    return tuple(tf.reshape(array.concat(), [count]) for array in arrays)


def _over_rows_with_sums(function, inputs, zeros, rows):
    """Applies a function to some of the rows at a time; joins the first thing it returns and adds up the others."""
    if inputs[0].shape[0] is not None and inputs[0].shape[0] <= rows:
        return function(*inputs)
    count, size = tf.shape(inputs[0])[0], inputs[0].shape[1]
    chunks = -(-count // rows)
    joined = tf.TensorArray(inputs[0].dtype, chunks, infer_shape=False, element_shape=[None, size])

    def step(index, joined, sums):
        output, added = function(*(tensor[index * rows : (index + 1) * rows] for tensor in inputs))
        sums = [total + part for total, part in zip(sums, added, strict=True)]
        return index + 1, joined.write(index, output), sums

    _, joined, sums = tf.while_loop(
        lambda index, *_: index < chunks, step, (0, joined, list(zeros)), parallel_iterations=1
    )
    return tf.reshape(joined.concat(), [count, size]), tuple(sums)
