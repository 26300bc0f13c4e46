"""Cross entropy of a softmax over a large vocabulary, without all its logits in memory.

35,000 pieces at 70 positions of 128 rows are 1.3 GB of logits, and as much again for each of their softmax and its
gradient. Here logits exist for some of the positions at a time, and in training their gradient is taken at once, so
that nothing is kept or computed again for the backward pass.
"""

import tensorflow as tf

from ulmfit_tfx.trainer_modules.objectives.row_chunks import over_rows, over_rows_with_sums, rows_at_a_time

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
        logits = logits_of(some_hidden, kernel, bias)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(some_targets, logits)
        return losses, tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), some_targets)

    rows = rows_at_a_time(int(kernel.shape[0]), max_logits)
    return over_rows(of_rows, (hidden, targets), (tf.float32, tf.bool), rows)


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
    rows = rows_at_a_time(int(kernel.shape[0]), max_logits)

    @tf.custom_gradient
    def summed(hidden, kernel, bias):
        return _summed_with_gradient(hidden, kernel, bias, targets, weights, rows, label_smoothing)

    return summed(hidden, tf.convert_to_tensor(kernel), tf.convert_to_tensor(bias))


def _summed_with_gradient(hidden, kernel, bias, targets, weights, rows, smoothing):
    vocab_size, size = kernel.shape
    inputs = (hidden, targets) if weights is None else (hidden, targets, weights)

    def of_rows(some_hidden, some_targets, some_weights=None):
        logits = logits_of(some_hidden, kernel, bias)
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
    joined = tf.TensorSpec([None, size], hidden.dtype)
    d_hidden, (smoothed, losses, d_kernel, d_bias) = over_rows_with_sums(of_rows, inputs, joined, zeros, rows)

    def gradient(upstream, _):
        factor = tf.cast(upstream, tf.float32)
        return tf.cast(tf.cast(d_hidden, tf.float32) * factor, hidden.dtype), d_kernel * factor, d_bias * factor

    return (smoothed, losses), gradient


def logits_of(hidden: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Logits of each row, float32 [rows, pieces]; the product is of the precision of `hidden`."""
    product = tf.matmul(hidden, tf.cast(kernel, hidden.dtype), transpose_b=True)
    return tf.cast(product, tf.float32) + tf.cast(bias, tf.float32)
