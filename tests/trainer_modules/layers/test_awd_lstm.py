import keras
import numpy as np
import pytest
import tensorflow as tf

from ulmfit_tfx.trainer_modules.layers.awd_lstm import AWDLSTM

RNG = np.random.default_rng(0)


def pair(**arguments):
    """Our layer and Keras' own with the same weights."""
    ours, keras_lstm = AWDLSTM(5, **arguments), keras.layers.LSTM(5, **arguments)
    for layer in (ours, keras_lstm):
        layer.build((None, None, 3))
    ours.set_weights([RNG.normal(0, 0.5, weight.shape) for weight in ours.get_weights()])
    keras_lstm.set_weights(ours.get_weights())
    return ours, keras_lstm


def padded_batch():
    mask = np.array([[1, 1, 1, 1], [1, 1, 0, 0]], bool)
    return RNG.normal(size=(2, 4, 3)).astype("float32"), mask


def test_all_steps_equal_keras_lstm():
    ours, keras_lstm = pair(return_sequences=True)
    sequence = RNG.normal(size=(3, 7, 3)).astype("float32")
    np.testing.assert_allclose(ours(sequence), keras_lstm(sequence), atol=1e-6)


def test_last_step_and_state_of_padded_rows_equal_keras_lstm():
    ours, keras_lstm = pair(return_state=True)
    sequence, mask = padded_batch()
    for own, expected in zip(ours(sequence, mask=mask), keras_lstm(sequence, mask=tf.constant(mask)), strict=True):
        np.testing.assert_allclose(own, expected, atol=1e-6)


def test_gradients_equal_those_of_keras_lstm():
    gradients = []
    sequence = tf.constant(RNG.normal(size=(3, 7, 3)), tf.float32)
    for layer in pair(return_sequences=True):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(sequence) ** 2)
        gradients.append(tape.gradient(loss, [weight.value for weight in layer.trainable_weights]))
    for own, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(own, expected, atol=1e-4)


def test_fresh_weights_are_drawn_as_keras_draws_them():
    ours = AWDLSTM(5)
    ours.build((None, None, 3))
    np.testing.assert_array_equal(ours.bias, [0] * 5 + [1] * 5 + [0] * 10)
    product = ours.recurrent_kernel.numpy() @ ours.recurrent_kernel.numpy().T
    np.testing.assert_allclose(product, np.eye(5), atol=1e-5)


def test_masked_positions_are_zero():
    ours, _ = pair(return_sequences=True)
    sequence, mask = padded_batch()
    assert not ours(sequence, mask=mask).numpy()[~mask].any()


def test_sequence_split_with_carried_state_equals_the_whole():
    ours, _ = pair(return_sequences=True, return_state=True)
    sequence = RNG.normal(size=(2, 8, 3)).astype("float32")
    whole, *_ = ours(sequence)
    first, *state = ours(sequence[:, :3])
    second, *_ = ours(sequence[:, 3:], initial_state=state)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, atol=1e-6)


def test_dropconnect_masks_the_recurrent_kernel_in_training_and_leaves_it_raw():
    layer = AWDLSTM(5, weight_dropout=0.5)
    layer.build((None, None, 3))
    before = layer.get_weights()
    first_step = RNG.normal(size=(2, 1, 3)).astype("float32")
    several = RNG.normal(size=(2, 6, 3)).astype("float32")
    # The first step starts from a zero state, so the recurrent kernel has no part in it.
    np.testing.assert_allclose(layer(first_step, training=True), layer(first_step), atol=1e-7)
    assert not np.allclose(layer(several, training=True), layer(several, training=True))
    for weight, kept in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)


def test_gradient_reaches_only_the_weights_that_dropconnect_kept():
    layer = AWDLSTM(5, weight_dropout=0.5, seed=3)
    layer.build((None, None, 3))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(tf.random.normal((2, 6, 3)), training=True))
    gradient = tape.gradient(loss, layer.recurrent_kernel.value).numpy()
    assert 0.3 < np.mean(gradient == 0) < 0.7


@pytest.mark.parametrize("return_state", [False, True])
def test_config_restores_the_layer(return_state):
    layer = AWDLSTM(5, weight_dropout=0.2, return_state=return_state, seed=7)
    assert AWDLSTM.from_config(layer.get_config()).get_config() == layer.get_config()
