"""Cross entropy of classes with label smoothing (Szegedy et al. 2016, https://arxiv.org/abs/1512.00567, section 7).

Keras' loss for class numbers has no smoothing, and its loss with smoothing wants one-hot targets.
"""

import keras
from keras import ops


class SmoothedCrossEntropy(keras.losses.Loss):
    """The loss of classes int [batch] under logits float [batch, classes]; `reduction` is over the batch."""

    def __init__(self, label_smoothing: float, classes: int, name: str = "cross_entropy"):
        """Creates the loss.

        Args:
            label_smoothing: Share of the target that is spread evenly over all classes.
            classes: Their number.
            name: Of the loss.
        """
        super().__init__(name=name)
        self.label_smoothing = label_smoothing
        self.classes = classes

    def call(self, y_true, y_pred):
        """Loss of each row, float [batch]."""
        y_true = ops.cast(y_true, "int32")  # Keras hands it over as floats
        if not self.label_smoothing:
            return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
        share = self.label_smoothing
        targets = ops.one_hot(y_true, self.classes, dtype=y_pred.dtype) * (1 - share) + share / self.classes
        return ops.categorical_crossentropy(targets, y_pred, from_logits=True)
