"""Embeddings that begin at what a corpus says of its pieces, where no model was trained on it before."""

import keras
import numpy as np

_SIZE = 0.3
"""Root mean square of the numbers that embeddings begin at."""


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
