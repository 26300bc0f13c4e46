"""Losses and metrics of taggers, and of classifiers that give a text several labels.

A tagger's batch has positions without a tag: padding, `<s>`, `</s>`. They count for nothing. A loss returns for each
row the sum over its tagged positions, times rows of the batch / tagged positions of the batch: Keras' mean over the
rows is then the sum over tagged positions / their number, however long the rows are and however much is padding.
Weights of rows multiply as with any loss. Where a batch is spread over devices, each counts its own positions.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

if TYPE_CHECKING:
    from ulmfit_tfx.trainer_modules.layers.crf import ConditionalRandomField


class TokenCrossEntropy(keras.losses.Loss):
    """Cross entropy of a softmax over the tags of each position.

    Takes tags, int [batch, time], -1 where there is none, and logits, float [batch, time, tags]; returns
    float32 [batch], see above.
    """

    def call(self, y_true, y_pred):
        """Computes the loss, see the class."""
        is_tagged = y_true >= 0
        tags = ops.where(is_tagged, ops.cast(y_true, "int32"), 0)
        losses = ops.sparse_categorical_crossentropy(tags, ops.cast(y_pred, "float32"), from_logits=True)
        return _of_rows(losses, is_tagged)


class TokenBinaryCrossEntropy(keras.losses.Loss):
    """Cross entropy of a sigmoid for each tag of each position, the mean over the tags: several tags a word.

    Takes ones and zeros, float [batch, time, tags], -1 throughout at positions without a word, and logits of the same
    shape; returns float32 [batch], see above.
    """

    def call(self, y_true, y_pred):
        """Computes the loss, see the class."""
        is_word = y_true[..., 0] >= 0
        y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        # -log sigmoid(logit) where 1, -log(1 - sigmoid(logit)) where 0.
        return _of_rows(ops.mean(ops.softplus(y_pred) - y_true * y_pred, axis=-1), is_word)


class CrfLoss(keras.losses.Loss):
    """Negative log likelihood of the tags of each row under a conditional random field.

    Takes tags, int [batch, time], -1 where there is none, and emissions, float [batch, time, tags]; returns
    float32 [batch], see above. The tagged positions of a row follow each other, from `first` on.
    """

    def __init__(self, crf: "ConditionalRandomField", first: int = 0, **kwargs: Any):
        """Creates the loss.

        Args:
            crf: The layer, which is in the model.
            first: Positions before the first tag, the same in each row: 1 where texts begin with `<s>`, else 0.
            **kwargs: Of `keras.losses.Loss`.
        """
        super().__init__(**kwargs)
        self._crf = crf
        self._first = first

    def call(self, y_true, y_pred):
        """Computes the loss, see the class."""
        tags, emissions = y_true[:, self._first :], y_pred[:, self._first :]
        is_tagged = tags >= 0
        losses = self._crf.negative_log_likelihood(emissions, ops.cast(tags, "int32"), is_tagged)
        return losses * _rows_per_position(is_tagged)


class TokenAccuracy(keras.metrics.Metric):
    """Share of the tagged positions whose tag is the most probable one, or that of the most probable row of tags.

    Takes tags, int [batch, time], -1 where there is none, and logits or emissions, float [batch, time, tags].
    """

    def __init__(
        self, crf: "ConditionalRandomField | None" = None, first: int = 0, name: str = "accuracy", **kwargs: Any
    ):
        """Creates the metric.

        Args:
            crf: The layer that decodes emissions. None: they are logits.
            first: As of `CrfLoss`.
            name: Of the metric.
            **kwargs: Of `keras.metrics.Metric`.
        """
        super().__init__(name=name, **kwargs)
        self._tags: Callable[[Any, Any], Any] = _most_probable if crf is None else crf.decode
        self._first = first
        self.right = self.add_variable((), "zeros", name="right")
        self.tagged = self.add_variable((), "zeros", name="tagged")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts a batch; `sample_weight` float [batch] weights its rows."""
        tags, scores = y_true[:, self._first :], y_pred[:, self._first :]
        is_tagged = tags >= 0
        weights = _weighted(is_tagged, sample_weight)
        is_right = ops.equal(self._tags(scores, is_tagged), ops.cast(tags, "int32"))
        self.right.assign_add(ops.sum(weights * ops.cast(is_right, weights.dtype)))
        self.tagged.assign_add(ops.sum(weights))

    def result(self):
        """The share, 0 where nothing was tagged."""
        return ops.divide_no_nan(self.right, self.tagged)


class MicroF1(keras.metrics.Metric):
    """Harmonic mean of precision and recall over all labels of all texts, or all tags of all words.

    Takes ones and zeros, float [batch, ..., labels], -1 where there is no word, and logits of the same shape.
    """

    def __init__(self, threshold: float = 0.5, name: str = "micro_f1", **kwargs: Any):
        """Creates the metric.

        Args:
            threshold: Probability from which a label is given.
            name: Of the metric.
            **kwargs: Of `keras.metrics.Metric`.
        """
        super().__init__(name=name, **kwargs)
        self.threshold = threshold
        self.found = self.add_variable((), "zeros", name="found")
        self.given = self.add_variable((), "zeros", name="given")
        self.expected = self.add_variable((), "zeros", name="expected")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts a batch; `sample_weight` float [batch] weights its rows."""
        is_given = ops.sigmoid(ops.cast(y_pred, "float32")) >= self.threshold
        given = _weighted(ops.logical_and(is_given, y_true >= 0), sample_weight)
        expected = _weighted(y_true > 0, sample_weight)
        self.found.assign_add(ops.sum(ops.where(is_given, expected, 0.0)))
        self.given.assign_add(ops.sum(given))
        self.expected.assign_add(ops.sum(expected))

    def result(self):
        """The mean, 0 where no label was given or expected."""
        return ops.divide_no_nan(2 * self.found, self.given + self.expected)


def _of_rows(losses, is_tagged):
    """Losses of positions as losses of rows, see above."""
    return ops.sum(ops.where(is_tagged, losses, 0.0), axis=1) * _rows_per_position(is_tagged)


def _rows_per_position(is_tagged):
    """Rows of the batch / tagged positions of the batch, float32 []."""
    rows = ops.cast(ops.shape(is_tagged)[0], "float32")
    return rows / ops.maximum(ops.sum(ops.cast(is_tagged, "float32")), 1.0)


def _most_probable(logits, is_tagged):
    return ops.cast(ops.argmax(logits, axis=-1), "int32")


def _weighted(flags, row_weights):
    """Flags bool [batch, ...] as numbers, times the weight of their row."""
    numbers = ops.cast(flags, "float32")
    if row_weights is None:
        return numbers
    return numbers * ops.reshape(ops.cast(row_weights, "float32"), (-1, *(1 for _ in numbers.shape[1:])))
