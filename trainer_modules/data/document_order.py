"""The order of documents in an epoch: a permutation that is computed, not stored."""

import numpy as np
import tensorflow as tf


class DocumentOrder:
    """A permutation of documents that follows from a seed and the epoch alone, in no memory."""

    def __init__(self, documents: int, seed: int | None, epoch: int = 0):
        """Creates the order.

        Args:
            documents: How many there are.
            seed: Of the permutation. None: they stay in order.
            epoch: Each has its own permutation.
        """
        self.documents = documents
        self._seed = None if seed is None else tf.constant([seed % 2**32, epoch], tf.uint32)

    def __getitem__(self, positions: slice) -> np.ndarray:
        """Numbers of the documents at some positions: int64 [n]."""
        indices = np.arange(*positions.indices(self.documents), dtype=np.int64)
        if self._seed is None or not len(indices):
            return indices
        return tf.random.experimental.index_shuffle(indices, self._seed, np.int64(self.documents - 1)).numpy()
