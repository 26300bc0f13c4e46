"""Embedding of ids without a vocabulary, by several hashes into one small table.

Svenstrup et al. 2017, https://arxiv.org/abs/1709.03933, without importance weights, as Miranda et al. 2022 have it,
https://arxiv.org/abs/2212.09255.
"""

import functools
from typing import Any

import keras
from keras import ops

LOOKUPS = 2
MAX_ROWS = 46_340
"""Of a table: so many rows a lookup that the lookups of an id below 2^31 do not depend on each other."""


@keras.saving.register_keras_serializable("ulmfit_tfx")
class HashEmbedding(keras.layers.Layer):
    """Embeds hashes: the sum of two rows of a table, so that hardly any two ids have both rows in common.

    Call arguments: `inputs` int32 [...], evenly spread below 2^31, or negative for none. Returns float [..., size],
    zero where there is none.
    """

    def __init__(self, rows: int, size: int, **kwargs: Any):
        """Creates the layer.

        Args:
            rows: Of the table, at most `MAX_ROWS`.
            size: Of a vector.
            **kwargs: Of `keras.layers.Layer`.

        Raises:
            ValueError: There are more rows.
        """
        super().__init__(**kwargs)
        if rows > MAX_ROWS:
            raise ValueError(f"rows is {rows}, expected at most {MAX_ROWS}")
        self.rows = rows
        self.size = size

    def build(self, input_shape):
        """Creates `embeddings` [rows, size], uniform in -0.1..0.1."""
        initializer = keras.initializers.RandomUniform(-0.1, 0.1)
        self.embeddings = self.add_weight(shape=(self.rows, self.size), initializer=initializer, name="embeddings")

    def call(self, inputs):
        """Adds up the rows that the id modulo their number, and its quotient likewise, point to."""
        rest, found = ops.maximum(inputs, 0), []
        for _ in range(LOOKUPS):
            found.append(ops.take(self.embeddings, rest % self.rows, axis=0))
            rest //= self.rows
        vectors = functools.reduce(ops.add, found)
        return vectors * ops.cast(inputs >= 0, vectors.dtype)[..., None]

    def compute_output_shape(self, input_shape):
        """A vector for each id."""
        return (*input_shape, self.size)

    def get_config(self):
        """Constructor arguments."""
        return super().get_config() | {"rows": self.rows, "size": self.size}
