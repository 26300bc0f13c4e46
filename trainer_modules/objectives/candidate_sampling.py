"""Draws the pieces that a sampled softmax compares with, more often those that are frequent.

A draw is one of fixed size without replacement, and each piece is in it with a probability that is known exactly:
systematic sampling from a random order (Madow 1949, Hartley and Rao 1962). The most frequent pieces are in every draw.
"""

from typing import Any

import numpy as np
import tensorflow as tf

POWER = 0.75
"""Of the pieces' frequencies (Mikolov et al. 2013, https://arxiv.org/abs/1310.4546, section 2.2)."""


class CandidateSampler:
    """Draws candidates in proportion to a power of their frequency.

    Attributes:
        size: Candidates of a draw.
        inclusion: Probability of each piece to be in a draw, float64 [vocab_size], in 0..1; their sum is `size`.
        log_inclusion: Their logarithms, float32 [vocab_size].
    """

    def __init__(self, counts: np.ndarray, size: int, seed: int, power: float = POWER):
        """Prepares the draws.

        Args:
            counts: How often each piece occurs, int [vocab_size]. One that does not occur counts as if it did once.
            size: Candidates of a draw, at least 1.
            seed: Of the draws.
            power: Of the frequencies.

        Raises:
            ValueError: `size` is more than there are pieces.
        """
        if not 1 <= size <= len(counts):
            raise ValueError(f"size is {size}, expected 1 to the number of pieces, {len(counts)}")
        self.size = size
        self.seed = seed
        self.inclusion = inclusion_probabilities(np.maximum(counts, 1) ** float(power), size)
        self.log_inclusion = np.log(self.inclusion).astype(np.float32)
        self._certain = np.flatnonzero(self.inclusion >= 1).astype(np.int32)
        self._others = np.flatnonzero(self.inclusion < 1).astype(np.int32)

    def draw(self, number: Any) -> tf.Tensor:
        """Different pieces, int32 [size].

        Args:
            number: Of the draw, int []: the same one has the same candidates, in any process and on any replica.
        """
        drawn = self.size - len(self._certain)
        if not drawn:
            return tf.constant(self._certain)
        seed = tf.stack([tf.constant(self.seed, tf.int64), tf.cast(number, tf.int64)])
        keys = tf.random.stateless_uniform([len(self._others) + 1], seed)
        order = tf.argsort(keys[1:])
        ends = tf.cumsum(tf.gather(tf.constant(self.inclusion[self._others]), order))
        # One point a candidate, at a distance of 1: a piece takes up no more than that, and so no two of them.
        points = tf.cast(keys[0], tf.float64) + tf.range(drawn, dtype=tf.float64)
        places = tf.minimum(tf.searchsorted(ends, points, side="right"), len(self._others) - 1)
        return tf.concat([self._certain, tf.gather(tf.constant(self._others), tf.gather(order, places))], axis=0)


def inclusion_probabilities(weights: np.ndarray, size: int) -> np.ndarray:
    """Probabilities in proportion to weights but for those that would be above 1, float64 [n]; their sum is `size`.

    Args:
        weights: Above 0, float [n].
        size: At most n.
    """
    if size == len(weights):
        return np.ones(size)
    descending = np.sort(weights)[::-1].astype(np.float64)
    left = np.cumsum(descending[::-1])[::-1]  # of a piece and those that weigh less
    # A piece is certain where its share of what is left of `size`, after the certain ones before it, is above 1.
    certain = int(np.argmin(descending * (size - np.arange(len(descending))) >= left))
    return np.minimum(weights * ((size - certain) / left[certain]), 1.0)
