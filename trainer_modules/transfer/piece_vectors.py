"""Embeddings that begin at what a corpus says of its pieces, where no model was trained on it before."""

import itertools
from collections.abc import Iterable, Iterator

import keras
import numpy as np
import scipy.sparse

from ulmfit_tfx.trainer_modules.data.token_corpus import TokenCorpus
from ulmfit_tfx.transforms.statistics.counting import cooccurrences, pruned
from ulmfit_tfx.transforms.statistics.vectors import piece_vectors

_SIZE = 0.3
"""Root mean square of the numbers that embeddings begin at."""
_WINDOW = 5
_MOST_PAIRS = 30_000_000
_LONGEST = 200
"""Numbers of a vector: more of them take long to compute, and tell little."""
_ENOUGH_PIECES = 20_000_000
_COUNTED_TOGETHER = 2**18
"""Pieces."""
_READ_TOGETHER = 512
"""Documents."""


def vectors_of(texts: Iterable[np.ndarray], vocab_size: int, size: int, seed: int) -> np.ndarray:
    """Vectors of pieces from what stands near them in some texts, see `transforms.statistics.vectors`.

    Args:
        texts: Ids of each, int [pieces]. Of more than 20 million pieces the first ones are counted.
        vocab_size: Ids are below it.
        size: Of an embedding.
        seed: Of the decomposition.

    Returns:
        float32 [vocab, at most 200], the most telling numbers first.
    """
    pairs = scipy.sparse.csr_matrix((vocab_size, vocab_size), dtype=np.int64)
    for batch in _batches(texts):
        pairs = pruned(pairs + cooccurrences(batch, vocab_size, _WINDOW), _MOST_PAIRS)
    return piece_vectors(pairs, min(size, _LONGEST), seed)


def _batches(texts: Iterable[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """Texts that are counted together; of very many the first ones alone."""
    counted, pieces, batch = 0, 0, []
    for text in texts:
        batch.append(text)
        pieces += len(text)
        if pieces >= _COUNTED_TOGETHER:
            yield batch
            counted, pieces, batch = counted + pieces, 0, []
            if counted >= _ENOUGH_PIECES:
                return
    if batch:
        yield batch


def corpus_vectors(corpus: TokenCorpus, vocab_size: int, size: int, seed: int) -> np.ndarray:
    """Vectors of pieces from a corpus; of one with more than 20 million pieces, from documents all over it.

    Args and result are those of `vectors_of`.
    """
    step = -(-corpus.pieces // _ENOUGH_PIECES)
    chosen = np.arange(0, corpus.documents, step)
    batches = (corpus.read(chosen[first : first + _READ_TOGETHER]) for first in range(0, len(chosen), _READ_TOGETHER))
    return vectors_of(itertools.chain.from_iterable(batches), vocab_size, size, seed)


def begin_at_vectors(encoder: keras.Model, vectors: np.ndarray) -> None:
    """Lets the embeddings of an encoder begin at vectors of its pieces.

    Args:
        encoder: As `build_encoder` makes it, with fresh weights.
        vectors: float [vocab, size], the most telling numbers first. What of a longer embedding is beyond them begins
            at random; of a shorter one the rest of the vectors is left out.
    """
    embedding = encoder.get_layer("embedding")
    [weights] = embedding.get_weights()
    size = min(weights.shape[1], vectors.shape[1])
    weights[:, :size] = vectors[:, :size] * (_SIZE / max(np.sqrt(np.mean(np.square(vectors))), 1e-12))
    embedding.set_weights([weights])
