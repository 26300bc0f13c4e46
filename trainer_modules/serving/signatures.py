"""The `tf.function`s behind the signatures of `ulmfit_tfx.trainer_modules.serving.signature_names`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

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

    def encode(ids):
        """Hidden states, zero at padding, and mask. Columns of padding at the end are not computed."""
        mask = tf.not_equal(ids, pad_id)
        length = tf.shape(ids)[1]
        columns = tf.range(1, length + 1) * tf.cast(tf.reduce_any(mask, axis=0), tf.int32)
        longest = tf.reduce_max(tf.concat([columns, [1]], axis=0))  # the recurrent layers need a step to run
        trimmed = tf.pad(ids, [[0, 0], [0, tf.maximum(1 - length, 0)]], constant_values=pad_id)[:, :longest]
        output = encoder(trimmed, training=False)[0][:, :length]
        output = tf.pad(output, [[0, 0], [0, tf.maximum(length - longest, 0)], [0, 0]])
        return tf.ensure_shape(output, [None, ids.shape[1], output.shape[2]]), mask

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


def classifier_signatures(
    classifier: keras.Model,
    tokenizer: Tokenizer,
    labels: Sequence[str],
    max_seq_len: int,
    temperature: float = 1.0,
    several: tuple[str, float] | None = None,
) -> Signatures:
    """Signatures of a document classifier.

    Args:
        classifier: As `build_classifier` makes it.
        tokenizer: The one that it was trained with.
        labels: Name of each class, in the order of the logits.
        max_seq_len: Pieces of a text beyond it are not looked at.
        temperature: What logits are divided by.
        several: Where a text may have several labels, or none: what stands between them, and the probability from which
            one is given. None: it has one.
    """

    def classify(ids: tf.Tensor) -> dict[str, Any]:
        all_classes = tf.constant(list(labels))
        logits = classifier(ids, training=False) / temperature
        if several is None:
            probabilities = tf.nn.softmax(logits)
            label = tf.gather(all_classes, tf.argmax(probabilities, axis=-1))
        else:
            probabilities = tf.nn.sigmoid(logits)
            label = _joined(all_classes, probabilities, *several)
        return {
            names.LABEL: label,
            names.PROBABILITIES: probabilities,
            names.ALL_CLASSES: tf.tile(all_classes[None], [tf.shape(probabilities)[0], 1]),
        }

    def classes_and_scores(answer: Answer) -> Answer:
        return {names.CLASSES: answer[names.ALL_CLASSES], names.SCORES: answer[names.PROBABILITIES]}

    return _document_signatures(classify, tokenizer, max_seq_len, {names.CLASSIFY: classes_and_scores})


def regressor_signatures(
    regressor: keras.Model,
    tokenizer: Tokenizer,
    targets: Sequence[str],
    max_seq_len: int,
    mean: Sequence[float],
    scale: Sequence[float],
) -> Signatures:
    """Signatures of a text regressor.

    Args:
        regressor: As `build_regressor` makes it.
        tokenizer: The one that it was trained with.
        targets: Name of each number, in the order of the model's output.
        max_seq_len: Pieces of a text beyond it are not looked at.
        mean: What is added to each number of the model's, once it is multiplied.
        scale: What each is multiplied by.
    """

    def score(ids: tf.Tensor) -> dict[str, Any]:
        all_targets = tf.constant(list(targets))
        numbers = tf.cast(regressor(ids, training=False), tf.float32)
        scores = numbers * tf.constant(list(scale), tf.float32) + tf.constant(list(mean), tf.float32)
        return {names.SCORES: scores, names.ALL_TARGETS: tf.tile(all_targets[None], [tf.shape(scores)[0], 1])}

    def the_number(answer: Answer) -> Answer:
        return {names.OUTPUTS: answer[names.SCORES][:, 0]}

    forms = {names.REGRESS: the_number} if len(targets) == 1 else {}
    return _document_signatures(score, tokenizer, max_seq_len, forms)


def _document_signatures(
    answer: Callable[[tf.Tensor], Answer],
    tokenizer: Tokenizer,
    max_seq_len: int,
    forms: Mapping[str, Callable[[Answer], Answer]],
) -> Signatures:
    """Signatures around a function of ids.

    Args:
        answer: From ids, int32 [batch, time], to what `serving_default` gives.
        tokenizer: Of the model.
        max_seq_len: Pieces of a text beyond it are not looked at.
        forms: By signature for an API of TensorFlow Serving, from `answer` to what the API expects.
    """
    _ = tokenizer.op
    features = {feature_names.TEXT: tf.io.FixedLenFeature([], tf.string)}

    @tf.function(input_signature=[STRINGS])
    def of_texts(texts: tf.Tensor) -> Answer:  # traced once for all
        return answer(tokenizer.pad(tokenizer.tokenize(texts, max_seq_len)))

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


def _joined(classes: tf.Tensor, probabilities: tf.Tensor, separator: str, threshold: float) -> tf.Tensor:
    """Names of each row's classes from a probability on, the most probable first: string [batch]."""
    order = tf.argsort(probabilities, axis=-1, direction="DESCENDING")
    given = tf.gather(probabilities >= threshold, order, batch_dims=1)
    ordered = tf.gather(classes, order)
    return tf.strings.reduce_join(tf.ragged.boolean_mask(ordered, given), axis=-1, separator=separator)
