"""Numbers that stay between bounds, as with fastai's `y_range`."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("ulmfit_tfx")
class BoundedOutput(keras.layers.Layer):
    """A sigmoid between bounds: float [batch, targets] to float [batch, targets], `low` and `high` of each target."""

    def __init__(self, low: Sequence[float], high: Sequence[float], **kwargs: Any):
        """Creates the layer.

        Args:
            low: What no target goes below.
            high: What no target goes above.
            **kwargs: Of `keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.low = [float(bound) for bound in low]
        self.high = [float(bound) for bound in high]

    def call(self, inputs):
        """Scales the sigmoid, see the class."""
        low, high = (ops.convert_to_tensor(bounds, inputs.dtype) for bounds in (self.low, self.high))
        return low + (high - low) * ops.sigmoid(inputs)

    def get_config(self):
        """Constructor arguments."""
        return super().get_config() | {"low": self.low, "high": self.high}
