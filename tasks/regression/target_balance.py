"""Makes up for numbers that dominate, such as five stars: rows of rare ones count more, or occur more often."""

import dataclasses

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class TargetBalance:
    """What a row counts, by the bin that its first target falls in.

    Attributes:
        low: Lower edge of the first bin.
        width: Of a bin.
        shares: By bin, how much a row counts beside one of the most common bin, at least 1.
        mean_share: Over the rows.
    """

    low: float
    width: float
    shares: tuple[float, ...]
    mean_share: float

    @classmethod
    def of(cls, numbers: np.ndarray, bins: int, limit: float) -> "TargetBalance":
        """Counts numbers in bins of equal width.

        Args:
            numbers: float64 [rows], not all the same.
            bins: Number of bins.
            limit: Highest share.
        """
        counts, edges = np.histogram(numbers, bins)
        shares = np.minimum(counts.max() / np.maximum(counts, 1), limit)
        mean_share = float((shares * counts).sum() / counts.sum())
        return cls(float(edges[0]), float(edges[1] - edges[0]), tuple(shares.tolist()), mean_share)

    def weight_of(self, targets: tf.Tensor) -> tf.Tensor:
        """Weight of a row with targets float32 [targets]: float32 [], 1 in the mean over the rows."""
        return self._share(targets) / self.mean_share

    def copies_of(self, number: tf.Tensor, targets: tf.Tensor, seed: int) -> tf.Tensor:
        """How often a row occurs: int64 [], the row's share rounded up or down by chance.

        Args:
            number: Of the row in its split, int64 [].
            targets: float32 [targets].
            seed: Of the chance, which is the same for a row in every epoch.
        """
        share = self._share(targets)
        chance = tf.random.stateless_uniform([], tf.stack([tf.constant(seed, tf.int64), number]))
        return tf.cast(tf.floor(share + chance), tf.int64)

    def _share(self, targets: tf.Tensor) -> tf.Tensor:
        position = tf.cast(tf.floor((targets[0] - self.low) / self.width), tf.int32)
        return tf.gather(tf.constant(self.shares, tf.float32), tf.clip_by_value(position, 0, len(self.shares) - 1))
