"""A matrix product that leaves padding out."""

from typing import Any

# Below this share of tokens the product saves more than it costs to bring the tokens together and apart again.
_MOST_TOKENS = 0.85


def packed_product(rows: Any, kernel: Any, bias: Any, mask: Any) -> Any:
    """Computes `rows kernel + bias` for the rows that are tokens.

    Texts of a batch differ in length: of 32 movie-review sentences padded to the longest, half the rows are padding.

    Args:
        rows: float [time * batch, features].
        kernel: float [features, outputs].
        bias: float [outputs].
        mask: bool [time, batch], True at tokens.

    Returns:
        float [time * batch, outputs]; rows that are no tokens hold anything finite.
    """
    import tensorflow as tf

    is_token = tf.reshape(mask, [-1])
    kernel, bias = tf.convert_to_tensor(kernel), tf.convert_to_tensor(bias)

    def product(some_rows):
        return tf.matmul(some_rows, kernel) + bias

    def packed():
        tokens = product(tf.gather(rows, tf.where(is_token)[:, 0]))
        # Gathering is faster than scattering: each row takes the product of the last token up to it.
        positions = tf.maximum(tf.cumsum(tf.cast(is_token, tf.int32)) - 1, 0)
        return tf.gather(tf.concat([tokens, tf.zeros_like(bias)[None]], axis=0), positions)

    share = tf.reduce_mean(tf.cast(is_token, tf.float32))
    return tf.cond(share < _MOST_TOKENS, packed, lambda: product(rows))
