"""Reads long documents in chunks, so that memory does not grow with their length.

What ULMFiT does for text classification (Howard and Ruder 2018, https://arxiv.org/abs/1801.06146, section 3.3): the
state is carried from chunk to chunk, and gradients stop at some distance from the end of the text.
"""

from typing import Any

import keras
import tensorflow as tf

from ulmfit_tfx.trainer_modules.models.stateful_encoder import stateful_encoder, zero_states


class DocumentEncoder(keras.Model):
    """An encoder that reads its texts chunk by chunk and returns the hidden states of the tokens read last.

    Call arguments: `ids` int32 [batch, time]; `training`. Returns hidden states, float [batch, pooled, units], zero at
    padding, and mask, bool [batch, pooled], True at tokens: those of each row's last `pooled_pieces` tokens, in the
    order of reading, where `pooled` is the lesser of that number and time. Padding comes first in each row.

    Results and gradients are those of the encoder on the whole text, with the gradients cut as asked for, except for
    dropouts: each chunk draws its masks anew, as it does in fastai, where a text read whole has the same all through.

    How it works: with each row's padding moved to its front, the last tokens of all rows are the same columns. The
    columns before the last `gradient_pieces` are read first; of their hidden states those that are asked for are kept,
    and nothing else. Either part is filled up with padding at the front to whole chunks, which changes no state. So
    every chunk has the same length, known beforehand, and the QRNN's recurrence is unrolled.

    It shares the layers of the encoder that it is made of, needs TensorFlow as Keras' backend, and is part of an
    exported graph but not of a `.keras` file.
    """

    def __init__(
        self,
        encoder: keras.Model,
        chunk_pieces: int,
        pooled_pieces: int | None = None,
        gradient_pieces: int | None = None,
        reads_backward: bool = False,
        **kwargs: Any,
    ):
        """Creates the model.

        Args:
            encoder: As `build_encoder` makes it.
            chunk_pieces: Length of a chunk.
            pooled_pieces: How many of each row's tokens to return, those that are read last. None: all.
            gradient_pieces: Through how many of each row's tokens gradients flow, those that are read last. None: all.
                Exact, whatever the length of a chunk.
            reads_backward: The encoder is a backward one.
            **kwargs: Of `keras.Model`.
        """
        super().__init__(**kwargs)
        self.reader = stateful_encoder(encoder)
        self.pad_id = encoder.get_layer("mask").pad_id
        self.chunk_pieces = chunk_pieces
        self.pooled_pieces = pooled_pieces
        self.gradient_pieces = gradient_pieces
        self.reads_backward = reads_backward
        self.supports_jit = False

    def build(self, input_shape):
        """Does nothing: the encoder is built."""
        self.built = True

    def compute_output_spec(self, ids, training=False):
        """Shapes and dtypes, without a call: its loops are TensorFlow's and cannot be traced for Keras."""
        hidden = self.reader.outputs[0]
        shape = ids.shape[0], None
        return keras.KerasTensor((*shape, hidden.shape[-1]), hidden.dtype), keras.KerasTensor(shape, "bool")

    def call(self, ids, training=False):
        """Reads the texts, see the class."""
        ids = tf.reverse(ids, [1]) if self.reads_backward else ids
        ids = padding_first(ids, self.pad_id)
        length = tf.shape(ids)[1]
        pooled = _bounded(length, self.pooled_pieces)
        through = _bounded(length, self.gradient_pieces)
        states = zero_states(self.reader, tf.shape(ids)[0])
        if self.gradient_pieces is None:
            hidden, _ = self._read(ids, states, length, training)
        else:
            kept = tf.maximum(pooled - through, 0)
            before, states = self._read(ids[:, : length - through], states, kept, training)
            states = [tf.stop_gradient(state) for state in states]
            last, _ = self._read(ids[:, length - through :], states, through, training)
            hidden = tf.concat([tf.stop_gradient(before), last], axis=1)
        hidden = hidden[:, tf.shape(hidden)[1] - pooled :]
        return hidden, tf.not_equal(ids[:, length - pooled :], self.pad_id)

    def _read(self, ids, states, kept, training):
        """Reads chunk after chunk.

        Args:
            ids: int32 [batch, time], in the order of reading.
            states: Before the first id.
            kept: int32 [], of how many ids to return hidden states, the last ones.
            training: Whether dropouts are active.

        Returns:
            Hidden states, float [batch, kept, units], and the states after the last id.
        """
        size = self.chunk_pieces
        ids = tf.pad(ids, [[0, 0], [-tf.shape(ids)[1] % size, 0]], constant_values=self.pad_id)
        chunks, kept_chunks = tf.shape(ids)[1] // size, -(-kept // size)
        spec = self.reader.outputs[0]
        nothing = tf.zeros([tf.shape(ids)[0], size, spec.shape[-1]], spec.dtype)
        # The first element takes the chunks that are not kept: an array without elements could not be stacked.
        array = tf.TensorArray(spec.dtype, kept_chunks + 1, element_shape=[None, size, spec.shape[-1]])

        def chunk(index, states, array):
            start = index * size
            pieces = tf.ensure_shape(ids[:, start : start + size], [None, size])
            hidden, _, *states = self.reader([pieces, *states], training=training)
            return index + 1, states, array.write(tf.maximum(index - (chunks - kept_chunks) + 1, 0), hidden)

        shapes = [tf.TensorShape(state.shape) for state in self.reader.inputs[1:]]
        _, states, array = tf.while_loop(
            lambda index, *_: index < chunks,
            chunk,
            (0, states, array.write(0, nothing)),
            shape_invariants=(tf.TensorShape([]), shapes, tf.TensorShape(None)),
        )
        hidden = tf.transpose(array.stack(), [1, 0, 2, 3])
        hidden = tf.reshape(hidden, [tf.shape(ids)[0], (kept_chunks + 1) * size, spec.shape[-1]])
        return hidden[:, tf.shape(hidden)[1] - kept :], states


def padding_first(ids: tf.Tensor, pad_id: int) -> tf.Tensor:
    """Moves the padding of each row to its front; the other ids, int [batch, time], stay in their order.

    >>> padding_first(tf.constant([[5, 6, 1, 1], [7, 1, 8, 1]]), pad_id=1).numpy().tolist()
    [[1, 1, 5, 6], [1, 1, 7, 8]]
    """
    time = tf.shape(ids)[1]
    order = tf.range(time) + tf.where(tf.equal(ids, pad_id), 0, time)
    return tf.gather(ids, tf.argsort(order, axis=1), batch_dims=1)


def _bounded(length, pieces):
    return length if pieces is None else tf.minimum(length, pieces)
