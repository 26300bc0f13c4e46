"""The `tf.function`s behind a language model's signatures, see `ulmfit_tfx.trainer_modules.serving.signature_names`.

Texts are read some positions at a time, the states carried over, so that memory does not grow with their length.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.schemas.section import Direction
from ulmfit_tfx.trainer_modules.layers.masking import last_true
from ulmfit_tfx.trainer_modules.models.language_model import head_weights
from ulmfit_tfx.trainer_modules.models.stateful_encoder import stateful_encoder, zero_states
from ulmfit_tfx.trainer_modules.objectives.cross_entropy import MAX_LOGITS, cross_entropy
from ulmfit_tfx.trainer_modules.serving import signature_names as names
from ulmfit_tfx.trainer_modules.serving.signatures import IDS, SERIALIZED, STRINGS, Signatures
from ulmfit_tfx.transforms.cleaning import clean
from ulmfit_tfx.transforms.tokenization import Tokenizer

MAX_POSITIONS = 8192
"""Positions of a batch that are read at a time: some 0.6 GB at the published sizes."""

# What Python's `str.split` takes for white space beside the ASCII characters that `tf.strings.split` knows.
_OTHER_WHITE_SPACE = r"[\p{Z}\x{85}\x1c-\x1f]"


def language_model_signatures(
    models: Mapping[Direction, keras.Model],
    tokenizer: Tokenizer,
    max_seq_len: int,
    max_positions: int = MAX_POSITIONS,
    max_logits: int = MAX_LOGITS,
) -> Signatures:
    """Signatures of a language model: which piece comes next, and how probable texts are.

    Args:
        models: As `build_language_model` makes them, of one direction or of both.
        tokenizer: The one that they were trained with.
        max_seq_len: Pieces that `next_piece` and `previous_piece` look at. The likelihood of a text is of all of it.
        max_positions: Positions of a batch, rows times pieces, in memory at a time; at least one of each row.
        max_logits: Logits in memory at a time where the likelihood of texts is computed.

    Raises:
        ValueError: There is no model.
    """
    if not models:
        raise ValueError("models is empty, expected a language model of one direction or of both")
    _ = tokenizer.op  # built here: inside a tf.function it would belong to that function's graph alone
    readers = {
        direction: _Reader(model, stateful_encoder(model), tokenizer.special_ids.pad, max_positions)
        for direction, model in models.items()
    }
    signatures = _likelihood_signatures(readers, tokenizer, max_logits)
    if "forward" in readers:
        signatures |= _next_piece_signatures(readers["forward"], tokenizer, max_seq_len)
    if "backward" in readers:
        signatures |= _previous_piece_signatures(readers["backward"], tokenizer, max_seq_len)
    return signatures


@dataclasses.dataclass(frozen=True)
class _Reader:
    """Reads ids in the order in which they are given, int32 [batch, time]. Padding may stand anywhere.

    Attributes:
        model: The language model.
        encoder: Its stateful form.
        pad_id: Of padding.
        max_positions: Positions of a batch in memory at a time.
    """

    model: keras.Model
    encoder: keras.Model
    pad_id: int
    max_positions: int

    def fold(self, ids: tf.Tensor, initial: tf.Tensor, visit: Callable[..., tf.Tensor]) -> tf.Tensor:
        """Reads the ids in chunks.

        Args:
            ids: int32 [batch, time].
            initial: The result before the first chunk.
            visit: From the result so far, a chunk's hidden states, float [batch, steps, units], and the slice of time
                that the chunk is, to the result with it.
        """
        batch, time = tf.shape(ids)[0], tf.shape(ids)[1]
        steps = tf.maximum(self.max_positions // tf.maximum(batch, 1), 1)

        def read(start, result, states):
            chunk = slice(start, start + steps)
            hidden, _, *states = self.encoder([ids[:, chunk], *states], training=False)
            return start + steps, visit(result, hidden, chunk), states

        loop = (0, initial, zero_states(self.encoder, batch))
        return tf.while_loop(lambda start, *_: start < time, read, loop, parallel_iterations=1)[1]

    def log_probabilities(self, ids: tf.Tensor) -> tf.Tensor:
        """Of the piece after each row, float32 [batch, vocab_size]."""
        kernel, bias = map(tf.convert_to_tensor, head_weights(self.model))
        is_piece = tf.not_equal(ids, self.pad_id)

        def latest(before, hidden, chunk):
            in_chunk = is_piece[:, chunk]
            return tf.where(tf.reduce_any(in_chunk, axis=1)[:, None], last_true(hidden, in_chunk), before)

        units = self.encoder.output[0].shape[-1]
        last = self.fold(ids, tf.zeros([tf.shape(ids)[0], units], self.encoder.output[0].dtype), latest)
        return tf.nn.log_softmax(tf.matmul(tf.cast(last, kernel.dtype), kernel, transpose_b=True) + bias)

    def is_predicted(self, ids: tf.Tensor) -> tf.Tensor:
        """Whether there is a piece, and one before it, at each position but the first: bool [batch, time - 1]."""
        is_piece = tf.not_equal(ids, self.pad_id)
        return is_piece[:, :-1] & is_piece[:, 1:]

    def negative_log_likelihood(self, ids: tf.Tensor, max_logits: int) -> tf.Tensor:
        """Of each row, the sum over the pieces that are predicted, float32 [batch]."""
        kernel, bias = map(tf.convert_to_tensor, head_weights(self.model))
        targets, is_predicted, batch = ids[:, 1:], self.is_predicted(ids), tf.shape(ids)[0]

        def add(total, hidden, chunk):
            positions = tf.where(is_predicted[:, chunk])
            predicting, predicted = tf.gather_nd(hidden, positions), tf.gather_nd(targets[:, chunk], positions)
            losses, _ = cross_entropy(predicting, kernel, bias, predicted, max_logits)
            return total + tf.math.unsorted_segment_sum(losses, positions[:, 0], batch)

        return self.fold(ids[:, :-1], tf.zeros([batch]), add)


def _next_piece_signatures(reader: _Reader, tokenizer: Tokenizer, max_seq_len: int) -> Signatures:
    log_probabilities = tf.function(reader.log_probabilities, input_signature=[IDS])  # traced once for both

    @tf.function(input_signature=[IDS])
    def next_piece_numericalized(numericalized):
        return {names.LOG_PROBABILITIES: log_probabilities(numericalized)}

    @tf.function(input_signature=[STRINGS])
    def next_piece(string_inputs):
        pieces = tokenizer.tokenize(string_inputs)
        pieces = (pieces[:, :-1] if tokenizer.config.add_eos else pieces)[:, -max_seq_len:]
        ids = tokenizer.pad(pieces)
        return _with_pieces(log_probabilities(ids), ids, pieces)

    return {names.NEXT_PIECE: next_piece, names.NEXT_PIECE_NUMERICALIZED: next_piece_numericalized}


def _previous_piece_signatures(reader: _Reader, tokenizer: Tokenizer, max_seq_len: int) -> Signatures:
    log_probabilities = tf.function(reader.log_probabilities, input_signature=[IDS])

    @tf.function(input_signature=[IDS])
    def previous_piece_numericalized(numericalized):
        return {names.LOG_PROBABILITIES: log_probabilities(_reversed(numericalized))}

    @tf.function(input_signature=[STRINGS])
    def previous_piece(string_inputs):
        pieces = tokenizer.tokenize(string_inputs)
        pieces = (pieces[:, 1:] if tokenizer.config.add_bos else pieces)[:, :max_seq_len]
        ids = tokenizer.pad(pieces)
        return _with_pieces(log_probabilities(_reversed(ids)), ids, pieces)

    return {names.PREVIOUS_PIECE: previous_piece, names.PREVIOUS_PIECE_NUMERICALIZED: previous_piece_numericalized}


def _with_pieces(log_probabilities: tf.Tensor, ids: tf.Tensor, pieces: tf.RaggedTensor) -> dict[str, tf.Tensor]:
    return {
        names.LOG_PROBABILITIES: log_probabilities,
        names.NUMERICALIZED: ids,
        names.LENGTHS: tf.cast(pieces.row_lengths(), tf.int32),
    }


def _reversed(ids: tf.Tensor) -> tf.Tensor:
    """Ids from the end of the text, the padding now in front."""
    return tf.reverse(ids, axis=[1])


def _likelihood_signatures(readers: Mapping[Direction, _Reader], tokenizer: Tokenizer, max_logits: int) -> Signatures:
    first: Direction = "forward" if "forward" in readers else "backward"
    # The mark at the end that is read last.
    is_mark_predicted = tokenizer.config.add_eos if first == "forward" else tokenizer.config.add_bos
    features = {feature_names.TEXT: tf.io.FixedLenFeature([], tf.string)}

    @tf.function(input_signature=[STRINGS])
    def likelihood(texts: tf.Tensor) -> dict[str, Any]:
        ids = tokenizer.pad(tokenizer.tokenize(texts))
        predicted = tf.reduce_sum(tf.cast(readers[first].is_predicted(ids), tf.int32), axis=1)
        words = _words(clean(texts, tokenizer.cleaning))
        if is_mark_predicted:
            words += tf.cast(predicted > 0, tf.int32)
        outputs = {names.PREDICTED_PIECES: predicted, names.WORDS: words}
        for direction, reader in readers.items():
            name = names.NEGATIVE_LOG_LIKELIHOOD if direction == first else names.NEGATIVE_LOG_LIKELIHOOD_BACKWARD
            in_order = ids if direction == "forward" else _reversed(ids)
            outputs[name] = reader.negative_log_likelihood(in_order, max_logits)
        return outputs

    @tf.function(input_signature=[STRINGS])
    def serving_default(string_inputs):
        return likelihood(string_inputs)

    @tf.function(input_signature=[SERIALIZED])
    def serving_examples(examples):
        outputs = likelihood(tf.io.parse_example(examples, features)[feature_names.TEXT])
        return {name: output[:, None] for name, output in outputs.items()}

    return {names.SERVING_DEFAULT: serving_default, names.SERVING_EXAMPLES: serving_examples}


def _words(texts: tf.Tensor) -> tf.Tensor:
    """Words between white space, int32 [batch]."""
    spaced = tf.strings.regex_replace(texts, _OTHER_WHITE_SPACE, " ")
    return tf.cast(tf.strings.split(spaced).row_lengths(), tf.int32)
