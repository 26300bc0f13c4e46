"""The `tf.function`s behind the signatures of `ulmfit_tfx.trainer_modules.serving.signature_names`."""

from collections.abc import Callable, Mapping

import keras
import tensorflow as tf

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.trainer_modules.serving import signature_names as names
from ulmfit_tfx.transforms.tokenization import Tokenizer

Signatures = dict[str, Callable[..., dict[str, tf.Tensor]]]

STRINGS = tf.TensorSpec([None], tf.string, name=names.STRING_INPUTS)
IDS = tf.TensorSpec([None, None], tf.int32, name=names.NUMERICALIZED)
SERIALIZED = tf.TensorSpec([None], tf.string, name=names.EXAMPLES)
_INPUTS = tf.TensorSpec([None], tf.string, name=names.INPUTS)

Answer = dict[str, tf.Tensor]


def encoder_signatures(
    encoder: keras.Model, tokenizer: Tokenizer, fixed_seq_len: int | None, max_seq_len: int
) -> Signatures:
    """Signatures that every model has.

    Args:
        encoder: As `build_encoder` makes it.
        tokenizer: The one that it was trained with.
        fixed_seq_len: T of the outputs; None: the longest text of the batch.
        max_seq_len: Bound of T where `fixed_seq_len` is None.
    """
    _ = tokenizer.op  # built here: inside a tf.function it would belong to that function's graph alone
    pad_id = tokenizer.special_ids.pad
    limit = fixed_seq_len or max_seq_len

    @tf.function(input_signature=[IDS])
    def hidden_states(ids):  # traced once for all
        """Zero at padding. Columns of padding at the end are not computed."""
        length = tf.shape(ids)[1]
        columns = tf.range(1, length + 1) * tf.cast(tf.reduce_any(tf.not_equal(ids, pad_id), axis=0), tf.int32)
        longest = tf.reduce_max(tf.concat([columns, [1]], axis=0))  # the recurrent layers need a step to run
        trimmed = tf.pad(ids, [[0, 0], [0, tf.maximum(1 - length, 0)]], constant_values=pad_id)[:, :longest]
        output = encoder(trimmed, training=False)[0][:, :length]
        return tf.pad(output, [[0, 0], [0, tf.maximum(length - longest, 0)], [0, 0]])

    def encode(ids):
        output = hidden_states(ids)
        return tf.ensure_shape(output, [None, ids.shape[1], output.shape[2]]), tf.not_equal(ids, pad_id)

    def numericalize(texts):
        ragged = tokenizer.tokenize(texts, limit)
        return ragged, tokenizer.pad(ragged, fixed_seq_len)

    @tf.function(input_signature=[STRINGS])
    def string_encoder(string_inputs):
        ragged, ids = numericalize(string_inputs)
        output, mask = encode(ids)
        lengths = tf.cast(ragged.row_lengths(), tf.int32)
        return {names.OUTPUT: output, names.NUMERICALIZED: ids, names.MASK: mask, names.LENGTHS: lengths}

    @tf.function(input_signature=[IDS])
    def numericalized_encoder(numericalized):
        output, mask = encode(numericalized)
        return {names.OUTPUT: output, names.MASK: mask}

    @tf.function(input_signature=[STRINGS])
    def spm_processor(string_inputs):
        ids = numericalize(string_inputs)[1]
        return {names.NUMERICALIZED: ids, names.MASK: tf.not_equal(ids, pad_id)}

    @tf.function(input_signature=[STRINGS])
    def string_encoder_flat(string_inputs):
        ragged, ids = numericalize(string_inputs)
        output, mask = encode(ids)
        rows = tf.cast(ragged.row_lengths(), tf.int32)
        return {
            f"{names.OUTPUT}_flat": tf.boolean_mask(output, mask),
            f"{names.OUTPUT}_rows": rows,
            f"{names.NUMERICALIZED}_flat": ragged.flat_values,
            f"{names.NUMERICALIZED}_rows": tf.identity(rows),
        }

    signatures: Signatures = {
        names.STRING_ENCODER: string_encoder,
        names.NUMERICALIZED_ENCODER: numericalized_encoder,
        names.SPM_PROCESSOR: spm_processor,
    }
    if fixed_seq_len is None:
        signatures[names.STRING_ENCODER_FLAT] = string_encoder_flat
    return signatures


def text_outputs(
    model: Callable[..., tf.Tensor], tokenizer: Tokenizer, max_seq_len: int
) -> Callable[[tf.Tensor], tf.Tensor]:
    """A model of ids as a function of texts.

    Args:
        model: From ids, int32 [batch, time], to outputs.
        tokenizer: Of the model.
        max_seq_len: Pieces of a text beyond it are not looked at.
    """
    return lambda texts: model(tokenizer.pad(tokenizer.tokenize(texts, max_seq_len)), training=False)


def document_signatures(
    answer: Callable[[tf.Tensor], Answer], tokenizer: Tokenizer, forms: Mapping[str, Callable[[Answer], Answer]]
) -> Signatures:
    """Signatures of a model of whole texts, around a function of texts.

    Args:
        answer: From texts, string [batch], to what `serving_default` gives.
        tokenizer: Of the model.
        forms: By signature for an API of TensorFlow Serving, from `answer` to what the API expects.
    """
    _ = tokenizer.op
    features = {feature_names.TEXT: tf.io.FixedLenFeature([], tf.string)}

    @tf.function(input_signature=[STRINGS])
    def of_texts(texts: tf.Tensor) -> Answer:  # traced once for all
        return answer(texts)

    def of_examples(examples: tf.Tensor) -> Answer:
        return of_texts(tf.io.parse_example(examples, features)[feature_names.TEXT])

    @tf.function(input_signature=[STRINGS])
    def serving_default(string_inputs):
        return of_texts(string_inputs)

    @tf.function(input_signature=[SERIALIZED])
    def serving_examples(examples):
        outputs = of_examples(examples)
        return {name: output[:, None] if output.shape.rank == 1 else output for name, output in outputs.items()}

    def in_form(form: Callable[[Answer], Answer]) -> Callable[..., Answer]:
        @tf.function(input_signature=[_INPUTS])
        def of_inputs(inputs):
            return form(of_examples(inputs))

        return of_inputs

    signatures: Signatures = {names.SERVING_DEFAULT: serving_default, names.SERVING_EXAMPLES: serving_examples}
    return signatures | {name: in_form(form) for name, form in forms.items()}
