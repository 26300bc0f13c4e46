"""Two texts in one row of ids, taken apart."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("ulmfit_tfx")
class PairSplit(keras.layers.Layer):
    """Cuts rows before their second `<s>`.

    Call argument: ids, int32 [batch, time]. Returns two of them, in which the other text is padding: what stands before
    the second `<s>`, and the rest. A row without a second `<s>` has an empty second text.
    """

    def __init__(self, bos_id: int, pad_id: int, **kwargs: Any):
        """Creates the layer.

        Args:
            bos_id: Of `<s>`.
            pad_id: Of padding.
            **kwargs: Of `keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.bos_id = bos_id
        self.pad_id = pad_id

    def call(self, ids):
        """Cuts, see the class."""
        is_first = ops.cumsum(ops.cast(ops.equal(ids, self.bos_id), "int32"), axis=1) < 2
        return ops.where(is_first, ids, self.pad_id), ops.where(is_first, self.pad_id, ids)

    def get_config(self):
        """Constructor arguments."""
        return super().get_config() | {"bos_id": self.bos_id, "pad_id": self.pad_id}
