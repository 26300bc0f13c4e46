import keras
import numpy as np
import pytest
import tensorflow as tf

from ulmfit_tfx.layers import AWDLSTM

RNG = np.random.default_rng(0)


def built(layer):
    layer.build((None, None, 3))
    return layer


def test_weights_of_keras_lstm_give_its_outputs_and_states():
    peer = built(keras.layers.LSTM(5, return_state=True))
    peer.set_weights([RNG.normal(0, 0.5, weight.shape) for weight in peer.get_weights()])
    ours = built(AWDLSTM(5, return_state=True))
    ours.set_weights(peer.get_weights())
    sequence = RNG.normal(size=(2, 4, 3)).astype("float32")
    mask = tf.constant([[True, True, True, True], [True, True, False, False]])
    for own, expected in zip(ours(sequence, mask=mask), peer(sequence, mask=mask), strict=True):
        np.testing.assert_allclose(own, expected, atol=1e-6)


def test_fresh_weights_are_uniform_within_one_over_the_root_of_units():
    layer = AWDLSTM(100)
    layer.build((None, None, 30))
    for weight in layer.weights:
        assert 0.09 < np.max(np.abs(weight)) <= 0.1  # 400 draws, of which some are as high but for one case in 10^18
        assert np.std(weight) == pytest.approx(0.1 / 3**0.5, rel=0.1)
    assert not np.array_equal(layer.cell.kernel[:30], layer.cell.recurrent_kernel[:30])


def test_dropconnect_masks_the_recurrent_kernel_alone():
    layer = built(AWDLSTM(5, weight_dropout=0.5))
    first_step = RNG.normal(size=(2, 1, 3)).astype("float32")
    # The first step starts from a zero state, so the recurrent kernel has no part in it.
    np.testing.assert_allclose(layer(first_step, training=True), layer(first_step), atol=1e-7)


def test_gradient_reaches_only_the_weights_that_dropconnect_kept():
    layer = built(AWDLSTM(5, weight_dropout=0.5, seed=3))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(tf.random.normal((2, 6, 3)), training=True))
    gradient = tape.gradient(loss, layer.cell.recurrent_kernel.value).numpy()
    assert 0.3 < np.mean(gradient == 0) < 0.7
