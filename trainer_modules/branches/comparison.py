"""What tells the two texts of a pair apart, and how like they are.

Of terms: by how much the TF-IDF of the texts differs, what they have together, and their cosine. Of vectors: absolute
differences, products and the cosine, as Conneau et al. 2017 (https://arxiv.org/abs/1705.02364) and Tai et al. 2015
(https://arxiv.org/abs/1503.00075) compare sentences.
"""

import numpy as np
import scipy.sparse
import tensorflow as tf

from ulmfit_tfx.transforms.terms import Tfidf

SUMS_SHARE = 0.3
"""What texts differ in tells more than what they are about."""


def compared_size(terms: int) -> int:
    """Columns of `compared_terms`."""
    return 2 * terms + 1


def compared_terms(first: Tfidf, second: Tfidf, terms: int) -> Tfidf:
    """Of each pair the absolute differences, then the sums times `SUMS_SHARE`, then the cosine.

    Args:
        first: TF-IDF of the first texts.
        second: Of the second ones.
        terms: Of their space.

    Returns:
        Entries that are not 0, with `terms` below `compared_size(terms)`.
    """
    keys = tf.concat([side.rows * terms + side.terms for side in (first, second)], axis=0)
    keys, places = tf.unique(keys, tf.int64)
    count = tf.size(keys, tf.int64)
    of_first, of_second = (
        tf.math.unsorted_segment_sum(side.values, of_side, count)
        for side, of_side in zip(
            (first, second), tf.split(places, [tf.size(first.rows), tf.size(second.rows)]), strict=True
        )
    )
    rows, found = keys // terms, keys % terms
    return Tfidf(
        rows=tf.concat([rows, rows, rows], axis=0),
        terms=tf.concat([found, terms + found, tf.fill([count], tf.constant(2 * terms, tf.int64))], axis=0),
        values=tf.concat(
            [abs(of_first - of_second), SUMS_SHARE * (of_first + of_second), of_first * of_second], axis=0
        ),
    )


def compared_matrices(first: scipy.sparse.csr_matrix, second: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    """As `compared_terms`, of matrices [pairs, terms]: float32 [pairs, compared_size(terms)]."""
    cosines = scipy.sparse.csr_matrix(first.multiply(second).sum(axis=1))
    parts = [abs(first - second), SUMS_SHARE * (first + second), cosines]
    return scipy.sparse.hstack(parts, format="csr").astype(np.float32)


def compared_vectors(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Absolute differences, products and the cosine of vectors, each taken at length 1.

    Args:
        first: float32 [pairs, size].
        second: The same.

    Returns:
        float32 [pairs, 2 * size + 1].
    """
    first, second = (tf.math.l2_normalize(side, axis=1) for side in (first, second))
    products = first * second
    return tf.concat([abs(first - second), products, tf.reduce_sum(products, axis=1, keepdims=True)], axis=1)
