"""The terms of a text and their TF-IDF, as TensorFlow ops: what linear models are fitted on is what the graph serves.

Terms are numbers below the size of their space. Pieces have numbers of their own; pairs of pieces, words and runs of
characters are hashed (Weinberger et al. 2009, https://arxiv.org/abs/0902.2206), so that a space has a size known
beforehand. All ops are in TensorFlow Serving, see `schemas/serving_ops.tsv`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

CHARACTER_LENGTHS = (2, 3, 4, 5)
"""Characters that a term of `character_terms` has."""
FACTOR = -7046029254386353131
"""Odd, and it fills 64 bits: for multiplicative hashing (Knuth, volume 3, section 6.4). Products wrap around."""
_HIGH_BITS = 33
_NOT_OF_WORDS = r"[^\pL\pM\pN_]+"
_SPACE = 32
_HASHED_WORDS = 1 << 31


class Tfidf(NamedTuple):
    """TF-IDF of a batch as a sparse matrix of rows with Euclidean norm 1.

    Attributes:
        rows: int64 [entries], the text of each entry.
        terms: int64 [entries].
        values: float32 [entries].
    """

    rows: tf.Tensor
    terms: tf.Tensor
    values: tf.Tensor


def piece_terms(ids: tf.RaggedTensor, vocab_size: int, buckets: int) -> tf.RaggedTensor:
    """Pieces, and pairs of neighbours hashed.

    Args:
        ids: int32 [batch, (pieces)].
        vocab_size: A piece's term is its id.
        buckets: Of pairs, whose terms come after those of pieces.

    Returns:
        int64 [batch, (terms)], below `vocab_size + buckets`.
    """
    rows, ids_found = ids.value_rowids(), tf.cast(ids.flat_values, tf.int64)
    same_text, pairs = _runs(rows, ids_found, 2)
    return _by_text(ids, [(rows, ids_found), (rows[:-1][same_text], vocab_size + hashed(pairs[same_text], buckets))])


def word_terms(texts: tf.Tensor, buckets: int) -> tf.RaggedTensor:
    """Words and pairs of neighbours, in lower case, hashed.

    Args:
        texts: string [batch], UTF-8.
        buckets: Terms are below it.

    Returns:
        int64 [batch, (terms)].
    """
    words = tf.strings.split(_words(texts))
    rows, hashes = words.value_rowids(), tf.strings.to_hash_bucket_fast(words.flat_values, _HASHED_WORDS)
    same_text, pairs = _runs(rows, hashes, 2)
    found = [(rows, hashed(hashes, buckets)), (rows[:-1][same_text], hashed(pairs[same_text], buckets))]
    return _by_text(words, found)


def character_terms(texts: tf.Tensor, buckets: int) -> tf.RaggedTensor:
    """Runs of characters inside of words, in lower case, with a space at either end of a word, hashed.

    As scikit-learn's `char_wb`, but for words shorter than a run, of which there is none then.

    Args:
        texts: string [batch], UTF-8.
        buckets: Terms are below it.

    Returns:
        int64 [batch, (terms)].
    """
    bounded = tf.strings.join([" ", tf.strings.strip(_words(texts)), " "])
    characters = tf.strings.unicode_decode(bounded, "UTF-8")
    rows, codes = characters.value_rowids(), tf.cast(characters.flat_values, tf.int64)
    found = []
    for length in CHARACTER_LENGTHS:
        is_run, runs = _runs(rows, codes, length)
        for inside in range(1, length - 1):
            is_run &= codes[inside : tf.size(codes) - (length - 1 - inside)] != _SPACE
        found.append((rows[: tf.size(runs)][is_run], hashed(runs[is_run], buckets)))
    return _by_text(characters, found)


def tfidf(terms: tf.RaggedTensor, idf: tf.Tensor) -> Tfidf:
    """Weighs terms by `(1 + log count) * idf`, then divides each text's weights by their Euclidean norm.

    Args:
        terms: int64 [batch, (terms)].
        idf: float32 [space], see `inverse_document_frequencies`.
    """
    size = tf.shape(idf, tf.int64)[0]
    keys = tf.cast(terms.value_rowids(), tf.int64) * size + terms.flat_values
    keys, _, counts = tf.unique_with_counts(keys)
    rows, terms_found = keys // size, keys % size
    values = (1.0 + tf.math.log(tf.cast(counts, tf.float32))) * tf.gather(idf, terms_found)
    squares = tf.math.unsorted_segment_sum(values * values, rows, terms.nrows())
    return Tfidf(rows, terms_found, values * tf.math.rsqrt(tf.gather(squares, rows)))


def inverse_document_frequencies(frequencies: np.ndarray, documents: int) -> np.ndarray:
    """`log((1 + documents) / (1 + frequency)) + 1`, as scikit-learn's `TfidfTransformer` has it: float32 [terms]."""
    return (np.log((1 + documents) / (1 + frequencies)) + 1).astype(np.float32)


def _words(texts: tf.Tensor) -> tf.Tensor:
    """Texts in lower case with one space between words."""
    return tf.strings.regex_replace(tf.strings.lower(texts, encoding="utf-8"), _NOT_OF_WORDS, " ")


def _runs(rows: tf.Tensor, tokens: tf.Tensor, length: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Numbers for runs of tokens of any text, and whether a run is of one text.

    Args:
        rows: int64 [tokens], ascending.
        tokens: int64 [tokens].
        length: Of a run.

    Returns:
        bool and int64 [max(tokens - length + 1, 0)].
    """
    runs = tf.maximum(tf.size(tokens) - length + 1, 0)
    mixed = tf.zeros([runs], tf.int64)
    for offset in range(length):
        mixed = (mixed + tokens[offset : offset + runs]) * FACTOR
    return rows[:runs] == rows[length - 1 : length - 1 + runs], mixed


def hashed(mixed: tf.Tensor, buckets: int) -> tf.Tensor:
    """Spreads numbers, int64 [...], over so many buckets: int64 [...]."""
    high = tf.bitwise.right_shift(tf.bitcast(mixed * FACTOR, tf.uint64), tf.constant(_HIGH_BITS, tf.uint64))
    return tf.cast(high, tf.int64) % buckets


def _by_text(texts: tf.RaggedTensor, found: Sequence[tuple[tf.Tensor, tf.Tensor]]) -> tf.RaggedTensor:
    """Terms of each text: int64 [batch, (terms)], of pairs of texts and terms, the former ascending."""
    parts = [tf.RaggedTensor.from_value_rowids(terms, rows, texts.nrows(), validate=False) for rows, terms in found]
    return tf.concat(parts, axis=1)
