"""The branches of a model added up, as the graph that is served.

What is linear in counted terms, or in the pieces of a text, has one weight a term, or a piece, and output: so the
tables are small, and a text takes one pass over its terms.
"""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from ulmfit_tfx.trainer_modules.branches.features import TextReader
from ulmfit_tfx.trainer_modules.branches.linear_branches import Part


class Blend(tf.Module):
    """From texts to outputs: recurrent models and linear branches together."""

    def __init__(
        self,
        reader: TextReader,
        bias: np.ndarray,
        parts: Mapping[str, Part],
        models: Sequence[tuple[keras.Model, float]],
        max_seq_len: int,
    ):
        """Holds the tables as variables.

        Args:
            reader: Of texts.
            bias: float [outputs].
            parts: By name.
            models: Recurrent ones, from ids, int32 [batch, time], to outputs, and what each counts.
            max_seq_len: Pieces that they read.
        """
        super().__init__()
        self.reader = reader
        self.models = [model for model, _ in models]
        self.weights = [weight for _, weight in models]
        self.max_seq_len = max_seq_len
        self.tables = {"bias": _variable(bias, "bias")}
        self._parts = {}
        for name, part in parts.items():
            held = {table: _variable(values, table) for table, values in part.tables.items()}
            self._parts[name] = part.outputs, held
            self.tables |= {f"{name}/{table}": variable for table, variable in held.items()}

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Outputs, float32 [batch, outputs], of texts, string [batch]."""
        outputs = tf.tile(self.tables["bias"][None], [tf.shape(texts)[0], 1])
        for model, weight in zip(self.models, self.weights, strict=True):
            ids = self.reader.tokenizer.tokenize(texts, self.max_seq_len)
            outputs += weight * tf.cast(model(self.reader.tokenizer.pad(ids), training=False), tf.float32)
        for of_part, tables in self._parts.values():
            outputs += of_part(self.reader, texts, tables)
        return outputs


def _variable(values: np.ndarray, name: str) -> tf.Variable:
    return tf.Variable(values.astype(np.float32), trainable=False, name=name)
