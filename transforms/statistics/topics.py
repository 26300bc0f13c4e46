"""Topics of texts: latent semantic analysis of the TF-IDF of their terms.

Deerwester et al. 1990, https://doi.org/10.1002/(SICI)1097-4571(199009)41:6%3C391::AID-ASI1%3E3.0.CO;2-9.
"""

import numpy as np
import scipy.sparse
from sklearn.utils.extmath import randomized_svd

_POWER_ITERATIONS = 2


def topic_basis(tfidf: scipy.sparse.csr_matrix, topics: int, seed: int) -> np.ndarray:
    """Directions in the space of terms that tell most of the texts apart.

    Args:
        tfidf: [texts, terms], rows of norm 1.
        topics: How many. Where there are fewer texts or terms, the last ones are 0.
        seed: Of the randomized decomposition (Halko, Martinsson and Tropp 2011).

    Returns:
        float32 [terms, topics]; the product of a row of `tfidf` with it is what there is of each topic in a text.
    """
    basis = np.zeros((tfidf.shape[1], topics), np.float32)
    rank = min(topics, *tfidf.shape)
    if rank and tfidf.nnz:
        _, _, right = randomized_svd(tfidf, rank, n_iter=_POWER_ITERATIONS, random_state=seed)
        basis[:, :rank] = right.T
    return basis
