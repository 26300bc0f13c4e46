"""The `tf.function`s behind a classifier's signatures, see `ulmfit_tfx.trainer_modules.serving.signature_names`."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from ulmfit_tfx.trainer_modules.serving import signature_names as names
from ulmfit_tfx.trainer_modules.serving.signatures import Answer, Signatures, document_signatures
from ulmfit_tfx.transforms.tokenization import Tokenizer


def classifier_signatures(
    outputs: Callable[[tf.Tensor], tf.Tensor],
    tokenizer: Tokenizer,
    labels: Sequence[str],
    temperature: float = 1.0,
    several: tuple[str, float] | None = None,
) -> Signatures:
    """Signatures of a document classifier.

    Args:
        outputs: From texts, string [batch], to logits, float [batch, classes].
        tokenizer: The one that it was trained with.
        labels: Name of each class, in the order of the logits.
        temperature: What logits are divided by.
        several: Where a text may have several labels, or none: what stands between them, and the probability from which
            one is given. None: it has one.
    """

    def classify(texts: tf.Tensor) -> Answer:
        all_classes = tf.constant(list(labels))
        logits = outputs(texts) / temperature
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

    return document_signatures(classify, tokenizer, {names.CLASSIFY: classes_and_scores})


def _joined(classes: tf.Tensor, probabilities: tf.Tensor, separator: str, threshold: float) -> tf.Tensor:
    """Names of each row's classes from a probability on, the most probable first: string [batch]."""
    order = tf.argsort(probabilities, axis=-1, direction="DESCENDING")
    given = tf.gather(probabilities >= threshold, order, batch_dims=1)
    ordered = tf.gather(classes, order)
    return tf.strings.reduce_join(tf.ragged.boolean_mask(ordered, given), axis=-1, separator=separator)
