"""Vectors of pieces from what stands near them: positive pointwise mutual information, factorized.

Levy, Goldberg and Dagan 2015, https://aclanthology.org/Q15-1016: shifted by nothing, contexts smoothed by the power
0.75, eigenvalues by the square root. Averages of such vectors are good features of short texts with few labels, with
the weights of Arora, Liang and Ma 2017, https://openreview.net/forum?id=SyK00v5xx (SIF), still more so.
"""

import numpy as np
import scipy.sparse
from sklearn.utils.extmath import randomized_svd

CONTEXT_POWER = 0.75
SIF_CONSTANT = 1e-3
_POWER_ITERATIONS = 4


def ppmi(pairs: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    """Positive pointwise mutual information of pieces and their contexts.

    Args:
        pairs: [vocab, vocab], how often each piece stands near each context, not negative.

    Returns:
        float64 [vocab, vocab].
    """
    found = pairs.tocoo()
    of_piece = np.asarray(pairs.sum(axis=1), np.float64).ravel()
    of_context = np.asarray(pairs.sum(axis=0), np.float64).ravel() ** CONTEXT_POWER
    expected = of_piece[found.row] * of_context[found.col] / max(of_context.sum(), 1.0)
    information = np.maximum(np.log(found.data / expected), 0.0)
    result = scipy.sparse.csr_matrix((information, (found.row, found.col)), pairs.shape)
    result.eliminate_zeros()
    return result


def piece_vectors(pairs: scipy.sparse.csr_matrix, size: int, seed: int) -> np.ndarray:
    """Vectors whose products approximate the information, centred, with a mean square of 1.

    Args:
        pairs: As `ppmi` takes them.
        size: Of a vector. Where the vocabulary is smaller, the last numbers are 0.
        seed: Of the randomized decomposition (Halko, Martinsson and Tropp 2011).

    Returns:
        float32 [vocab, size]. Of a piece without neighbours it is 0.
    """
    information = ppmi(pairs)
    vectors = np.zeros((information.shape[0], size), np.float32)
    rank = min(size, information.shape[0])
    if information.nnz:
        left, values, _ = randomized_svd(information, rank, n_iter=_POWER_ITERATIONS, random_state=seed)
        has_neighbours = np.diff(information.indptr) > 0
        found = (left * np.sqrt(values))[has_neighbours]
        found -= found.mean(axis=0)
        vectors[has_neighbours, :rank] = found / max(np.sqrt(np.mean(found**2)), 1e-12)
    return vectors


def sif_weights(counts: np.ndarray) -> np.ndarray:
    """What a piece counts in an average of smooth inverse frequencies, `a / (a + p)`: float32 [vocab]."""
    shares = counts / max(counts.sum(), 1)
    return (SIF_CONSTANT / (SIF_CONSTANT + shares)).astype(np.float32)
