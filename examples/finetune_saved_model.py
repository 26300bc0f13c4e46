"""Fine-tunes an exported encoder in plain Keras 3 and TensorFlow, without ulmfit-tfx.

    python examples/finetune_saved_model.py ENCODER_DIR/saved_model

The SavedModel is restored with all its variables trainable; the mask that serialization detaches goes to the layers of
a small head beside the encoder's output. Needs tensorflow, keras and tensorflow-text of the same version as tensorflow.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the tokenizer's ops

TEXTS = ["a film that moves you", "a clumsy and tedious plot", "what a lovely cast", "dull from start to end"]
LABELS = [1, 0, 1, 0]


def build_head(units: int, classes: int) -> keras.Model:
    """A classifier of encoded tokens. Layers that know masks, such as pooling, LSTM and attention, take the mask."""
    output = keras.Input((None, units))
    mask = keras.Input((None,), dtype="bool")
    pooled = keras.layers.GlobalAveragePooling1D()(output, mask=mask)
    return keras.Model([output, mask], keras.layers.Dense(classes)(pooled))


def main():
    """Restores, fine-tunes and asks."""
    encoder = tf.saved_model.load(sys.argv[1])
    encode = encoder.signatures["string_encoder"]
    units = encode.structured_outputs["output"].shape[-1]
    head = build_head(units, classes=2)
    # TFSMLayer of Keras 3 restores a SavedModel for inference only: its variables are none of Keras' own. A training
    # loop takes both kinds.
    variables = [*encode.variables, *(weight.value for weight in head.trainable_weights)]
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(variables)

    def classify(texts):
        encoded = encode(texts)
        return head([encoded["output"], encoded["mask"]])

    @tf.function
    def train_step(texts, labels):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, classify(texts)))
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    before = [tf.identity(variable) for variable in encode.variables]
    for epoch in range(30):
        loss = train_step(tf.constant(TEXTS), tf.constant(LABELS))
        if epoch % 10 in (0, 9):
            print(f"epoch {epoch + 1:>2}  loss {loss:.4f}")
    tuned = sum(bool(tf.reduce_any(old != variable)) for old, variable in zip(before, encode.variables, strict=True))
    print(f"{tuned} of the encoder's {len(before)} variables were fine-tuned.")
    for text, probabilities in zip(TEXTS, tf.nn.softmax(classify(tf.constant(TEXTS))), strict=True):
        print(f"{probabilities[1]:.2f}  {text}")


if __name__ == "__main__":
    main()
