"""Counts of pieces, and of pieces near one another. Counts are whole numbers, so that their order does not matter."""

import math
from collections.abc import Sequence

import numpy as np
import scipy.sparse


def unit_of(window: int) -> int:
    """What two neighbours count, so that `unit / distance` is a whole number for all distances up to the window.

    >>> unit_of(5)
    60
    """
    return math.lcm(*range(1, window + 1))


def cooccurrences(texts: Sequence[np.ndarray], vocab_size: int, window: int) -> scipy.sparse.csr_matrix:
    """How often pieces stand near one another inside of a text, a pair at a distance counting `unit_of / distance`.

    The harmonic weights are those of GloVe (Pennington et al. 2014, https://aclanthology.org/D14-1162, section 4.2).

    Args:
        texts: Ids of each, int [pieces].
        vocab_size: Ids are below it.
        window: Largest distance.

    Returns:
        int64 [vocab, vocab], symmetric.
    """
    pairs = scipy.sparse.csr_matrix((vocab_size, vocab_size), dtype=np.int64)
    if not sum(map(len, texts)):
        return pairs
    ids = np.concatenate(texts).astype(np.int32)
    text_of = np.repeat(np.arange(len(texts), dtype=np.int32), [len(text) for text in texts])
    for distance in range(1, min(window, len(ids) - 1) + 1):
        in_one = text_of[:-distance] == text_of[distance:]
        first, second = ids[:-distance][in_one], ids[distance:][in_one]
        weight = np.full(len(first), unit_of(window) // distance, np.int64)
        pairs += scipy.sparse.coo_matrix((weight, (first, second)), pairs.shape).tocsr()
    return pairs + pairs.T.tocsr()


def pruned(pairs: scipy.sparse.csr_matrix, most: int) -> scipy.sparse.csr_matrix:
    """The pairs with the highest counts, at most so many. Of equal ones none is left where not all have room."""
    if pairs.nnz <= most:
        return pairs
    bound = np.partition(pairs.data, -most - 1)[-most - 1]
    kept = pairs.copy()
    kept.data[kept.data <= bound] = 0
    kept.eliminate_zeros()
    return kept
