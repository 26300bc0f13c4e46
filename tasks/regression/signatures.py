"""The `tf.function`s behind a regressor's signatures, see `ulmfit_tfx.trainer_modules.serving.signature_names`."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from ulmfit_tfx.trainer_modules.serving import signature_names as names
from ulmfit_tfx.trainer_modules.serving.signatures import Answer, Signatures, document_signatures
from ulmfit_tfx.transforms.tokenization import Tokenizer


def regressor_signatures(
    outputs: Callable[[tf.Tensor], tf.Tensor],
    tokenizer: Tokenizer,
    targets: Sequence[str],
    mean: Sequence[float],
    scale: Sequence[float],
) -> Signatures:
    """Signatures of a text regressor.

    Args:
        outputs: From texts, string [batch], to numbers, float [batch, targets].
        tokenizer: The one that it was trained with.
        targets: Name of each number, in the order of the model's output.
        mean: What is added to each number of the model's, once it is multiplied.
        scale: What each is multiplied by.
    """

    def score(texts: tf.Tensor) -> Answer:
        all_targets = tf.constant(list(targets))
        numbers = tf.cast(outputs(texts), tf.float32)
        scores = numbers * tf.constant(list(scale), tf.float32) + tf.constant(list(mean), tf.float32)
        return {names.SCORES: scores, names.ALL_TARGETS: tf.tile(all_targets[None], [tf.shape(scores)[0], 1])}

    def the_number(answer: Answer) -> Answer:
        return {names.OUTPUTS: answer[names.SCORES][:, 0]}

    forms = {names.REGRESS: the_number} if len(targets) == 1 else {}
    return document_signatures(score, tokenizer, forms)
