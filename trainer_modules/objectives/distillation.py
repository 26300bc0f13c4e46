"""Cross-entropy with a teacher's distribution beside that with the label.

Hinton, Vinyals and Dean 2015, Distilling the knowledge in a neural network, https://arxiv.org/abs/1503.02531, section
2: the teacher's part is of softened distributions, and is multiplied by the square of their temperature, so that its
gradients keep their size.
"""

import keras
from keras import ops


class DistillationCrossEntropy(keras.losses.Loss):
    """The loss of logits, float [batch, classes]; `reduction` is over the batch.

    Targets are float [batch, 2, classes]: of the label and of the teacher, each with the share that it has in the loss.
    """

    def __init__(self, temperature: float = 1.0, name: str = "cross_entropy"):
        """Creates the loss.

        Args:
            temperature: Of the student, in the teacher's part. The teacher's has been seen to.
            name: Of the loss.
        """
        super().__init__(name=name)
        self.temperature = temperature

    def call(self, y_true, y_pred):
        """Loss of each row, float [batch]."""
        y_true = ops.cast(y_true, y_pred.dtype)
        of_label = -ops.sum(y_true[:, 0] * ops.log_softmax(y_pred), axis=-1)
        of_teacher = -ops.sum(y_true[:, 1] * ops.log_softmax(y_pred / self.temperature), axis=-1)
        return of_label + self.temperature**2 * of_teacher


def agreement(y_true, y_pred):
    """1 where the most probable class of targets, as `DistillationCrossEntropy` takes them, is the answer: [batch]."""
    expected = ops.argmax(ops.sum(y_true, axis=1), axis=-1)
    return ops.cast(ops.equal(expected, ops.argmax(y_pred, axis=-1)), "float32")
