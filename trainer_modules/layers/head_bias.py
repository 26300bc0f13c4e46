"""The bias of a tied language-model head."""

import keras


@keras.saving.register_keras_serializable("ulmfit_tfx")
class HeadBias(keras.layers.Layer):
    """Adds a bias per piece to logits, float [..., vocab_size]."""

    def build(self, input_shape):
        """Creates `bias` [vocab_size]."""
        self.bias = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="bias")

    def call(self, logits):
        """Adds the bias."""
        return logits + self.bias
