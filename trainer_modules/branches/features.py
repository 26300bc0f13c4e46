"""Features of the branches, computed by the ops that are served."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import scipy.sparse
import tensorflow as tf

from ulmfit_tfx.transforms.terms import (
    character_terms,
    inverse_document_frequencies,
    piece_terms,
    tfidf,
    word_terms,
)
from ulmfit_tfx.transforms.tokenization import Tokenizer

PIECES, WORDS, CHARACTERS = "pieces", "words", "characters"
"""Spaces of terms."""
LONGEST_PIECE = 8
"""Bytes that are read of a text for each piece that may be."""
_TEXTS_AT_ONCE = 256


@dataclasses.dataclass(frozen=True)
class TermSpace:
    """A space of terms.

    Attributes:
        size: Terms are below it.
        terms: From texts, string [batch], to terms, int64 [batch, (terms)].
    """

    size: int
    terms: Callable[[tf.Tensor], tf.RaggedTensor]


class TextReader:
    """Makes pieces and terms of texts, as far as these are read.

    Attributes:
        reads_pairs: Whether a text is a pair of texts, with the tokenizer's separator between them.
    """

    def __init__(self, tokenizer: Tokenizer, read_pieces: int, buckets: Mapping[str, int], reads_pairs: bool = False):
        """Describes how to read.

        Args:
            tokenizer: Of the model.
            read_pieces: Of a text no more are read; of its words as many bytes as so many pieces of 8 have.
            buckets: Of the hashed terms of each space.
            reads_pairs: See the class.
        """
        _ = tokenizer.op  # built here: inside a tf.function it would belong to that function's graph alone
        self.tokenizer = tokenizer
        self.read_pieces = read_pieces
        self.reads_pairs = reads_pairs
        self.spaces = {
            PIECES: TermSpace(
                tokenizer.vocab_size + buckets[PIECES],
                lambda texts: piece_terms(self.ids(texts), tokenizer.vocab_size, buckets[PIECES]),
            ),
            WORDS: TermSpace(buckets[WORDS], lambda texts: word_terms(self._beginnings(texts), buckets[WORDS])),
            CHARACTERS: TermSpace(
                buckets[CHARACTERS],
                lambda texts: character_terms(self._beginnings(texts), buckets[CHARACTERS]),
            ),
        }

    def ids(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Pieces, int32 [batch, (pieces)]."""
        return self.tokenizer.tokenize(texts, self.read_pieces)

    def sides(self, texts: tf.Tensor) -> list[tf.Tensor]:
        """The texts, string [batch], or of pairs the first and the second ones. Of a text alone the second is empty."""
        if not self.reads_pairs:
            return [texts]
        parts = tf.strings.split(texts, self.tokenizer.config.separator, maxsplit=1)
        return tf.unstack(parts.to_tensor(default_value="", shape=[None, 2]), axis=1)

    def _beginnings(self, texts: tf.Tensor) -> tf.Tensor:
        return tf.strings.substr(texts, 0, LONGEST_PIECE * self.read_pieces)


def counted(space: TermSpace, texts: np.ndarray) -> scipy.sparse.csr_matrix:
    """How often terms occur in texts, as `1 + log count`: float32 [texts, terms]."""
    ones = tf.ones([space.size])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def entries(batch: tf.Tensor) -> Any:
        terms = space.terms(batch)
        found = tfidf(terms, ones)
        return found.rows, found.terms, found.values

    parts = [scipy.sparse.csr_matrix((0, space.size), dtype=np.float32)]
    for batch in _batches(texts):
        rows, terms, values = (part.numpy() for part in entries(tf.constant(batch)))
        parts.append(scipy.sparse.csr_matrix((values, (rows, terms)), (len(batch), space.size)))
    return scipy.sparse.vstack(parts, format="csr")


def weighted(counts: scipy.sparse.csr_matrix, idf: np.ndarray) -> scipy.sparse.csr_matrix:
    """TF-IDF of what `counted` gives, rows of norm 1: float32."""
    product = counts.multiply(idf).tocsr()
    norms = np.sqrt(np.asarray(product.multiply(product).sum(axis=1))).ravel()
    return scipy.sparse.diags(1 / np.where(norms > 0, norms, 1)).dot(product).astype(np.float32).tocsr()


def own_idf(counts: scipy.sparse.csr_matrix) -> np.ndarray:
    """Inverse document frequencies of the counted texts themselves, float32 [terms]."""
    frequencies = np.bincount(counts.indices, minlength=counts.shape[1])
    return inverse_document_frequencies(frequencies, counts.shape[0])


def averages(ids: tf.RaggedTensor, table: tf.Tensor) -> tf.Tensor:
    """Mean of each text's rows of a table, float32 [texts, numbers]; 0 of a text without pieces."""
    rows = tf.gather(table, ids.flat_values)
    total = tf.math.unsorted_segment_sum(rows, ids.value_rowids(), ids.nrows())
    return total / tf.cast(tf.maximum(ids.row_lengths(), 1), tf.float32)[:, None]


def computed(features: Callable[[tf.Tensor], tf.Tensor], texts: np.ndarray) -> np.ndarray:
    """Features, float32 [texts, features], of texts, a batch at a time."""
    of_batch = tf.function(features, input_signature=[tf.TensorSpec([None], tf.string)])
    return np.concatenate([of_batch(tf.constant(batch)).numpy() for batch in _batches(texts)])


def _batches(texts: np.ndarray) -> Iterable[np.ndarray]:
    return (texts[start : start + _TEXTS_AT_ONCE] for start in range(0, len(texts), _TEXTS_AT_ONCE))
