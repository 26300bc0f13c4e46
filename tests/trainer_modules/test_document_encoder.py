import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from ulmfit_tfx.schemas.config.encoder import EncoderConfig, EncoderDropoutConfig
from ulmfit_tfx.schemas.config.head import HeadConfig
from ulmfit_tfx.tasks.classification.model import build_classifier
from ulmfit_tfx.trainer_modules.models.document_encoder import DocumentEncoder, padding_first
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.models.stateful_encoder import recurrent_layers

PAD, VOCABULARY = 1, 30
NO_DROPOUT = EncoderDropoutConfig(embedding=0, input=0, hidden=0, output=0, weight=0)
TEXTS = [[2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 3], [2, 14, 3], [15], [2, 16, 17, 18, 19, 20, 3]]
IDS = np.array([text + [PAD] * (11 - len(text)) for text in TEXTS], "int32")
IDS[3] = [2, PAD, 16, 17, PAD, PAD, 18, 19, 20, 3, PAD]
LENGTHS = [
    # chunk, gradients, pooled
    (4, 6, 3),
    (4, 3, 6),
    (4, 4, 4),
    (1, 2, 3),
    (5, None, None),
    (4, None, 3),
    (4, 5, None),
    (3, 100, 100),
    (3, 100, 2),
    (3, 2, 100),
    (16, 5, 7),
]


def encoder_of(architecture, direction="forward", dropout=NO_DROPOUT):
    keras.utils.set_random_seed(1)
    config = EncoderConfig(
        architecture=architecture, direction=direction, embedding_size=6, hidden_sizes=(7, 5), dropout=dropout
    )
    encoder = build_encoder(config, VOCABULARY, PAD, seed=2)
    rng = np.random.default_rng(3)
    for weight in encoder.weights:
        weight.assign(rng.normal(0, 0.7, weight.shape))
    return encoder


def classifier_of(encoder, direction, chunk, gradients, pooled):
    return build_classifier(
        encoder,
        HeadConfig(pooled_pieces=pooled, dropout=(0, 0), hidden_size=4, batch_norm=False, pool_embeddings=False),
        classes=3,
        reads_backward=direction == "backward",
        chunk_pieces=chunk,
        gradient_pieces=gradients,
    )


def truncated_logits(model, encoder, direction, gradients, pooled):
    """Reads each text alone and whole but for the place where the gradient stops; no padding and no chunks."""

    def read(tokens, states):
        hidden, after = encoder.get_layer("embedding")(tokens[None]), []
        for layer, before in zip(recurrent_layers(encoder), states, strict=True):
            hidden, *state = layer(hidden, initial_state=before, training=True)
            after.append(state)
        return hidden[0], after

    features = []
    for text in TEXTS:
        tokens = np.array(text[::-1] if direction == "backward" else text)
        cut = max(len(tokens) - gradients, 0) if gradients else 0
        hidden, states = [], [None for _ in recurrent_layers(encoder)]
        if cut:
            before, states = read(tokens[:cut], states)
            hidden.append(tf.stop_gradient(before))
            states = tf.nest.map_structure(tf.stop_gradient, states)
        hidden = tf.concat([*hidden, read(tokens[cut:], states)[0]], axis=0)
        hidden = hidden[-pooled:] if pooled else hidden
        features.append(tf.concat([hidden[-1], tf.reduce_max(hidden, 0), tf.reduce_mean(hidden, 0)], axis=0))
    return keras.Model(model.get_layer("pooling").output, model.output)(tf.stack(features), training=True)


def logits_and_gradients(logits_of, model):
    weights = np.random.default_rng(4).normal(size=(len(TEXTS), 3)).astype("float32")
    with tf.GradientTape() as tape:
        logits = logits_of()
        loss = tf.reduce_sum(logits * weights)
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    return logits, [tf.convert_to_tensor(gradient) for gradient in gradients]


@pytest.mark.parametrize(
    ("architecture", "direction", "chunk", "gradients", "pooled"),
    [("qrnn", "forward", *lengths) for lengths in LENGTHS]
    + [("qrnn", "backward", *lengths) for lengths in LENGTHS[:2]]
    + [("awd_lstm", "forward", *lengths) for lengths in LENGTHS[:3]]
    + [("awd_lstm", "backward", *LENGTHS[1])],
)
def test_logits_and_gradients_are_those_of_the_whole_text_with_the_gradient_cut(
    architecture, direction, chunk, gradients, pooled
):
    encoder = encoder_of(architecture, direction)
    model = classifier_of(encoder, direction, chunk, gradients, pooled)
    expected, wanted = logits_and_gradients(
        lambda: truncated_logits(model, encoder, direction, gradients, pooled), model
    )
    logits, found = logits_and_gradients(lambda: model(IDS, training=True), model)
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    assert_same_gradients(model, found, wanted)


@pytest.mark.parametrize("architecture", ["qrnn", "awd_lstm"])
def test_compiled_training_has_the_same_gradients(architecture):
    encoder = encoder_of(architecture)
    model = classifier_of(encoder, "forward", 4, 6, 8)
    compiled = tf.function(
        lambda ids: logits_and_gradients(lambda: model(ids, training=True), model),
        input_signature=[tf.TensorSpec([None, None], tf.int32)],
    )
    expected, wanted = logits_and_gradients(lambda: truncated_logits(model, encoder, "forward", 6, 8), model)
    logits, found = compiled(IDS)
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    assert_same_gradients(model, found, wanted)


def assert_same_gradients(model, found, wanted):
    for variable, gradient, expected in zip(model.trainable_variables, found, wanted, strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-5, err_msg=variable.path)


def test_serving_gives_the_logits_of_training_without_dropout_also_from_a_saved_model(tmp_path):
    model = classifier_of(encoder_of("qrnn", "backward"), "backward", 4, 3, 6)
    exported = tf.Module()
    exported.variables_ = [variable.value for variable in model.variables]
    signature = tf.function(
        lambda ids: {"logits": model(ids, training=False)},
        input_signature=[tf.TensorSpec([None, None], tf.int32, name="ids")],
    )
    tf.saved_model.save(exported, str(tmp_path), signatures={"serving_default": signature})
    served = tf.saved_model.load(str(tmp_path)).signatures["serving_default"](ids=tf.constant(IDS))["logits"]
    np.testing.assert_allclose(served, model(IDS, training=True), atol=1e-5)


def test_chunks_do_not_change_what_the_plain_classifier_predicts():
    encoder = encoder_of("qrnn", "backward")
    plain = classifier_of(encoder, "backward", None, None, 3)
    chunked = classifier_of(encoder, "backward", 4, None, 3)
    chunked.set_weights(plain.get_weights())
    assert [weight.path for weight in chunked.weights] == [weight.path for weight in plain.weights]
    np.testing.assert_allclose(chunked(IDS), plain(IDS), atol=1e-5)


@pytest.mark.parametrize("ids", [np.zeros((2, 0), "int32"), np.full((2, 3), PAD, "int32")], ids=["no-ids", "padding"])
def test_empty_texts_have_no_token(ids):
    hidden, mask = DocumentEncoder(encoder_of("qrnn"), 4, 2, 2)(ids)
    assert not mask.numpy().any()
    assert not hidden.numpy().any()


def test_each_chunk_draws_its_dropout_anew():
    encoder = encoder_of("qrnn", dropout=NO_DROPOUT.model_copy(update={"output": 0.5}))
    hidden, _ = DocumentEncoder(encoder, 8)(np.full((1, 32), 5, "int32"), training=True)
    dropped = (hidden.numpy()[0] == 0).reshape(4, 8, -1)
    assert (dropped.all(axis=1) | ~dropped.any(axis=1)).all(), "one mask within a chunk"
    assert len({chunk[0].tobytes() for chunk in dropped}) > 1


def test_gradients_are_cut_between_chunks_only():
    with pytest.raises(ValueError, match="gradient_pieces is set and chunk_pieces is not"):
        build_classifier(encoder_of("qrnn"), HeadConfig(), 2, gradient_pieces=8)


PEAK_MEMORY = """
import resource, sys
import numpy as np, tensorflow as tf
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.head import HeadConfig
from ulmfit_tfx.tasks.classification.model import build_classifier
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder

encoder = build_encoder(EncoderConfig(embedding_size=64, hidden_sizes=(256,)), 100, 1, seed=0)
model = build_classifier(encoder, HeadConfig(pooled_pieces=256), 2, chunk_pieces=64, gradient_pieces=256)
model.compile("sgd", "mse")
spec = tf.TensorSpec([8, None], tf.int32), tf.TensorSpec([8, 2], tf.float32)
for pieces in (1000, 4000):
    batches = [(np.full((8, pieces), 7), np.zeros((8, 2)))]
    model.fit(tf.data.Dataset.from_generator(lambda: batches, output_signature=spec), verbose=0)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_of_a_training_step_does_not_grow_with_the_text():
    """Read whole, the gates and states of the first layer alone would be 8 * 3,000 * 256 * 7 float32 more: 164 MiB."""
    done = subprocess.run([sys.executable, "-c", PEAK_MEMORY], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    short, long = map(int, done.stdout.split())
    assert long - short < 60, f"peak of {short} MiB at 1,000 pieces, {long} at 4,000"


def test_padding_moves_to_the_front():
    ids = tf.constant([[5, 6, PAD, PAD], [7, PAD, 8, PAD], [PAD] * 4, [9, 9, 9, 9]])
    expected = [[PAD, PAD, 5, 6], [PAD, PAD, 7, 8], [PAD] * 4, [9, 9, 9, 9]]
    np.testing.assert_array_equal(padding_first(ids, PAD), expected)
