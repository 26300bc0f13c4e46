"""The branches of a model added up, as the graph that is served.

What is linear in counted terms, or in the pieces of a text, has one weight a term, or a piece, and output: so the
tables are small, and a text takes one pass over its terms.
"""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from ulmfit_tfx.trainer_modules.branches.features import TextReader, averages
from ulmfit_tfx.transforms.terms import tfidf

_VECTORS = "vectors"


class Blend(tf.Module):
    """From texts to outputs: recurrent model, term weights and piece weights together."""

    def __init__(
        self,
        reader: TextReader,
        bias: np.ndarray,
        terms: Mapping[str, tuple[np.ndarray, np.ndarray]],
        pieces: np.ndarray | None,
        models: Sequence[tuple[keras.Model, float]],
        max_seq_len: int,
    ):
        """Holds the tables as variables.

        Args:
            reader: Of texts.
            bias: float [outputs].
            terms: By space of `reader`, inverse document frequencies [terms] and weights [terms, outputs].
            pieces: Weights that are averaged, [vocab, outputs]. None: there are none.
            models: Recurrent ones, from ids, int32 [batch, time], to outputs, and what each counts.
            max_seq_len: Pieces that they read.
        """
        super().__init__()
        self.reader = reader
        self.models = [model for model, _ in models]
        self.weights = [weight for _, weight in models]
        self.max_seq_len = max_seq_len
        self.tables = {"bias": _table(bias, "bias")}
        for space, (idf, weights) in terms.items():
            self.tables |= {f"{space}/idf": _table(idf, "idf"), f"{space}/weights": _table(weights, "weights")}
        if pieces is not None:
            self.tables[_VECTORS] = _table(pieces, _VECTORS)
        self.spaces = tuple(terms)

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Outputs, float32 [batch, outputs], of texts, string [batch]."""
        outputs = tf.tile(self.tables["bias"][None], [tf.shape(texts)[0], 1])
        for model, weight in zip(self.models, self.weights, strict=True):
            ids = self.reader.tokenizer.tokenize(texts, self.max_seq_len)
            outputs += weight * tf.cast(model(self.reader.tokenizer.pad(ids), training=False), tf.float32)
        if _VECTORS in self.tables:
            outputs += averages(self.reader.ids(texts), self.tables[_VECTORS])
        for space in self.spaces:
            found = tfidf(self.reader.spaces[space].terms(texts), self.tables[f"{space}/idf"])
            of_term = found.values[:, None] * tf.gather(self.tables[f"{space}/weights"], found.terms)
            outputs += tf.math.unsorted_segment_sum(of_term, found.rows, tf.shape(texts, tf.int64)[0])
        return outputs


def _table(values: np.ndarray, name: str) -> tf.Variable:
    return tf.Variable(values.astype(np.float32), trainable=False, name=name)
