"""Token embedding with dropout of whole words (Gal and Ghahramani 2016, as AWD-LSTM section 4.3 uses it)."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("ulmfit_tfx")
class TokenEmbedding(keras.layers.Layer):
    """Embeds token ids. In training a share of the words is zero wherever it occurs, the others scaled up.

    Call arguments: `inputs` int [batch, time]; `training`. Returns float [batch, time, size].

    With `reverse=True` the layer is the tied head of a language model (Inan et al. 2016, Press and Wolf 2016):
    `inputs` are hidden states, float [batch, time, size], and their products with all vectors come back, float [batch,
    time, vocab_size].
    """

    def __init__(self, vocab_size: int, size: int, dropout: float = 0.0, seed: int | None = None, **kwargs: Any):
        """Creates the layer.

        Args:
            vocab_size: Number of ids.
            size: Size of a vector.
            dropout: Share of the vocabulary that is dropped, a new choice each batch.
            seed: Of the dropout.
            **kwargs: Of `keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.vocab_size = vocab_size
        self.size = size
        self.dropout = dropout
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        """Creates `embeddings` [vocab_size, size], uniform in -0.1..0.1 as in ULMFiT."""
        initializer = keras.initializers.RandomUniform(-0.1, 0.1)
        self.embeddings = self.add_weight(
            shape=(self.vocab_size, self.size), initializer=initializer, name="embeddings"
        )

    def call(self, inputs, reverse=False, training=False):
        """Looks vectors up, or the reverse, see the class."""
        if reverse:
            return ops.matmul(inputs, ops.transpose(self.embeddings))
        if not keras.backend.is_int_dtype(inputs.dtype):
            inputs = ops.cast(inputs, "int32")  # `keras.Input` makes float ids unless told otherwise
        vectors = ops.take(self.embeddings, inputs, axis=0)
        if training and self.dropout:
            kept = keras.random.dropout(
                ops.ones((self.vocab_size,), dtype=vectors.dtype), self.dropout, seed=self.seed_generator
            )
            vectors *= ops.take(kept, inputs, axis=0)[..., None]
        return vectors

    def get_config(self):
        """Constructor arguments."""
        own = ("vocab_size", "size", "dropout", "seed")
        return super().get_config() | {name: getattr(self, name) for name in own}
