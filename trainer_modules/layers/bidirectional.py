"""A recurrent layer in both directions."""

import keras


@keras.saving.register_keras_serializable("ulmfit_tfx")
class Bidirectional(keras.layers.Bidirectional):
    """Keras' wrapper, but for the mask: it is given to each layer and each loss by those who call it.

    Later versions than Keras 3.9 attach a mask that a layer was called with to its output, and apply it to the loss.
    """

    def compute_mask(self, inputs, mask):
        """None, see the class."""
