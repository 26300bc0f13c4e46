"""Cross entropy of a softmax over some of the pieces, drawn anew for each batch, in place of the whole vocabulary.

Sampled softmax (Jean et al. 2015, https://arxiv.org/abs/1412.2007, section 3; Bengio and Senecal 2008 for importance
sampling). Of each logit the logarithm of the probability that the piece is drawn is taken off. The softmax is then the
probability that the target is the one of the candidates that was not drawn but found in the text, and it is highest
where the logits are those of the full softmax.
"""

import tensorflow as tf

from ulmfit_tfx.trainer_modules.objectives.cross_entropy import MAX_LOGITS, logits_of
from ulmfit_tfx.trainer_modules.objectives.row_chunks import over_rows_with_sums, rows_at_a_time


def summed_sampled_cross_entropy(
    hidden: tf.Tensor,
    kernel: tf.Tensor,
    bias: tf.Tensor,
    targets: tf.Tensor,
    candidates: tf.Tensor,
    log_inclusion: tf.Tensor,
    weights: tf.Tensor | None = None,
    max_logits: int = MAX_LOGITS,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Sum of the negative log likelihoods of targets among candidates, with a gradient. For training.

    A target that is a candidate as well counts once. The gradients of `kernel` and `bias` are of few rows.

    Args:
        hidden: float [rows, size].
        kernel: float32 [vocab_size, size].
        bias: float32 [vocab_size].
        targets: int32 [rows].
        candidates: Different pieces, int32 [n], shared by all rows.
        log_inclusion: Logarithm of the probability that a piece is among the candidates, float32 [vocab_size].
        weights: float32 [rows], a factor of each row: 0 where there is no target. None: 1.
        max_logits: Logits in memory at a time, at least those of one row.

    Returns:
        Two float32 []: the sum that is to be lowered, and an estimate of the sum over the whole vocabulary, which has
        no gradient. In the estimate a candidate stands for as many pieces as it takes draws to find it once.
    """
    log_inclusion = tf.convert_to_tensor(log_inclusion)
    of_targets = tf.gather(log_inclusion, targets)
    target_rows = tf.cast(tf.gather(kernel, targets), tf.float32)
    target_logits = tf.reduce_sum(tf.cast(hidden, tf.float32) * target_rows, axis=-1) + tf.gather(bias, targets)
    places = _places(candidates, targets, int(kernel.shape[0]))
    rows = rows_at_a_time(int(candidates.shape[0]) + 1, max_logits)

    @tf.custom_gradient
    def summed(hidden, kernel, bias, target_logits):
        return _summed_with_gradient(hidden, kernel, bias, target_logits, places, of_targets, weights, rows)

    return summed(
        hidden,
        tf.gather(kernel, candidates),
        tf.gather(bias, candidates) - tf.gather(log_inclusion, candidates),
        target_logits - of_targets,
    )


def full_loss_estimate(losses: tf.Tensor, log_inclusion: tf.Tensor) -> tf.Tensor:
    """Negative log likelihoods over the whole vocabulary, by importance sampling, from those among candidates.

    The other pieces' sum of exponentials is that of the candidates, each divided by its probability: in expectation
    it is right, and its logarithm a little too low.

    Args:
        losses: Of targets among candidates, from corrected logits, float32 [rows].
        log_inclusion: Of the targets, float32 [rows].
    """
    odds = losses + tf.math.log(-tf.math.expm1(-losses))  # of the others against the target: log(exp(loss) - 1)
    return tf.math.softplus(odds - log_inclusion)


def _places(candidates, targets, vocab_size):
    """Where among the candidates each target stands, -1 where it is none: int32 [rows]."""
    nowhere = tf.fill([vocab_size], -1)
    places = tf.tensor_scatter_nd_update(nowhere, candidates[:, None], tf.range(tf.size(candidates)))
    return tf.gather(places, targets)


def _summed_with_gradient(hidden, kernel, bias, target_logits, places, log_inclusion, weights, rows):
    """Of a kernel and a bias that are those of the candidates."""
    count, size = kernel.shape
    inputs = (hidden, target_logits, places, log_inclusion) + (() if weights is None else (weights,))

    def of_rows(some_hidden, some_target_logits, some_places, some_log_inclusion, some_weights=None):
        # A last column is the target's, unless it is a candidate: then it stands there, and the column is empty.
        is_candidate = some_places >= 0
        last = tf.where(is_candidate, tf.float32.min, some_target_logits)
        logits = tf.concat([logits_of(some_hidden, kernel, bias), last[:, None]], axis=1)
        labels = tf.where(is_candidate, some_places, count)
        losses, d_logits = tf.raw_ops.SparseSoftmaxCrossEntropyWithLogits(features=logits, labels=labels)
        estimates = full_loss_estimate(losses, some_log_inclusion)
        if some_weights is not None:
            losses, estimates = losses * some_weights, estimates * some_weights
            d_logits *= some_weights[:, None]
        d_logits, d_target_logits = d_logits[:, :-1], d_logits[:, -1:]
        d_bias = tf.reduce_sum(d_logits, axis=0)
        d_logits = tf.cast(d_logits, some_hidden.dtype)
        d_hidden = tf.cast(tf.matmul(d_logits, tf.cast(kernel, some_hidden.dtype)), tf.float32)
        d_kernel = tf.cast(tf.matmul(d_logits, some_hidden, transpose_a=True), kernel.dtype)
        d_rows = tf.concat([d_hidden, d_target_logits], axis=1)
        return d_rows, (tf.reduce_sum(losses), tf.reduce_sum(estimates), d_kernel, d_bias)

    zeros = (tf.zeros([]), tf.zeros([]), tf.zeros([count, size], kernel.dtype), tf.zeros([count]))
    joined = tf.TensorSpec([None, size + 1], tf.float32)
    d_rows, (losses, estimates, d_kernel, d_bias) = over_rows_with_sums(of_rows, inputs, joined, zeros, rows)

    def gradient(upstream, _):
        factor = tf.cast(upstream, tf.float32)
        d_hidden, d_target_logits = d_rows[:, :-1] * factor, d_rows[:, -1] * factor
        return tf.cast(d_hidden, hidden.dtype), d_kernel * factor, d_bias * factor, d_target_logits

    return (losses, estimates), gradient
