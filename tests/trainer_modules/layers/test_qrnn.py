import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.trainer_modules.layers.qrnn import QRNN

RNG = np.random.default_rng(0)
POOLINGS = ["f", "fo", "ifo"]
CONVENTIONS = ["fastai", "paper"]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def slow_qrnn(sequence, kernel, bias, window, pooling, convention, state=None):
    """The paper's equations, one row and one step at a time, in float64."""
    batch, time, features = sequence.shape
    units = bias.size // {"f": 2, "fo": 3, "ifo": 4}[pooling]
    output = np.zeros((batch, time, units))
    for row in range(batch):
        cell = np.zeros(units) if state is None else state[0][row].astype("float64")
        before = np.zeros((window - 1, features)) if state is None or window == 1 else state[1][row]
        inputs = np.concatenate([before, sequence[row]])
        for step in range(time):
            seen = np.concatenate([inputs[step + window - 1 - back] for back in range(window)])
            gates = np.split(seen @ kernel + bias, bias.size // units)
            candidate, forget = np.tanh(gates[0]), sigmoid(gates[1])
            keep = 1 - forget if convention == "fastai" else forget
            update = sigmoid(gates[3]) if pooling == "ifo" else 1 - keep
            cell = keep * cell + update * candidate
            output[row, step] = cell if pooling == "f" else sigmoid(gates[2]) * cell
    return output


def randomized(layer, features):
    """Builds a layer and gives every weight, biases too, a random value."""
    layer.build((None, None, features))
    layer.set_weights([RNG.normal(0, 0.5, weight.shape) for weight in layer.get_weights()])
    return layer


def padded_batch(lengths, features, padding=0):
    time = max(lengths) + padding
    mask = np.arange(time)[None] < np.array(lengths)[:, None]
    return RNG.normal(size=(len(lengths), time, features)).astype("float32"), mask


@given(
    pooling=st.sampled_from(POOLINGS),
    convention=st.sampled_from(CONVENTIONS),
    window=st.integers(1, 4),
    batch=st.integers(1, 3),
    time=st.integers(1, 9),
)
@settings(max_examples=30)
def test_output_equals_the_slow_loop(pooling, convention, window, batch, time):
    layer = randomized(QRNN(5, window=window, pooling=pooling, forget_convention=convention, return_sequences=True), 3)
    sequence = RNG.normal(size=(batch, time, 3)).astype("float32")
    expected = slow_qrnn(sequence, *layer.get_weights(), window, pooling, convention)
    np.testing.assert_allclose(layer(sequence), expected, atol=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_gradient_equals_that_of_finite_differences(pooling):
    layer = randomized(QRNN(2, window=2, pooling=pooling, return_sequences=True), 3)
    sequence = RNG.normal(size=(2, 4, 3))
    weighting = RNG.normal(size=(2, 4, 2))
    kernel, bias = (weight.astype("float64") for weight in layer.get_weights())

    def loss(sequence, kernel):
        return np.sum(weighting * slow_qrnn(sequence, kernel, bias, 2, pooling, "fastai"))

    def differences(function, at, step=1e-6):
        gradient = np.zeros_like(at)
        for index in np.ndindex(at.shape):
            change = np.zeros_like(at)
            change[index] = step
            gradient[index] = (function(at + change) - function(at - change)) / (2 * step)
        return gradient

    inputs = tf.constant(sequence, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = tf.reduce_sum(layer(inputs) * weighting.astype("float32"))
    by_inputs, by_kernel = tape.gradient(value, [inputs, layer.kernel.value])
    np.testing.assert_allclose(by_inputs, differences(lambda x: loss(x, kernel), sequence), atol=1e-4)
    np.testing.assert_allclose(by_kernel, differences(lambda k: loss(sequence, k), kernel), atol=1e-4)


@pytest.mark.parametrize("window", [1, 3])
def test_row_does_not_depend_on_the_others_nor_on_padding(window):
    layer = randomized(QRNN(5, window=window, return_sequences=True), 3)
    sequence, mask = padded_batch([4, 1, 7], 3, padding=5)
    together = layer(sequence, mask=mask).numpy()
    for row, length in enumerate([4, 1, 7]):
        alone = layer(sequence[row : row + 1, :length])
        np.testing.assert_allclose(together[row : row + 1, :length], alone, atol=1e-6)
        assert not together[row, length:].any()


@pytest.mark.parametrize("pooling", POOLINGS)
def test_last_output_is_that_of_the_last_token(pooling):
    sequence, mask = padded_batch([4, 2], 3, padding=2)
    last = randomized(QRNN(5, pooling=pooling), 3)
    every = QRNN(5, pooling=pooling, return_sequences=True)
    every.build((None, None, 3))
    every.set_weights(last.get_weights())
    steps = every(sequence, mask=mask).numpy()
    np.testing.assert_allclose(last(sequence, mask=mask), np.stack([steps[0, 3], steps[1, 1]]), atol=1e-6)


@pytest.mark.parametrize("window", [1, 2, 4])
@pytest.mark.parametrize("cut", [1, 5])
def test_sequence_split_with_carried_state_equals_the_whole(window, cut):
    layer = randomized(QRNN(5, window=window, return_sequences=True, return_state=True), 3)
    sequence = RNG.normal(size=(2, 8, 3)).astype("float32")
    whole, *_ = layer(sequence)
    first, *state = layer(sequence[:, :cut])
    second, *_ = layer(sequence[:, cut:], initial_state=state)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, atol=1e-6)


def test_state_of_a_padded_row_is_that_after_its_last_token():
    layer = randomized(QRNN(5, window=3, return_state=True), 3)
    sequence, mask = padded_batch([4, 2], 3, padding=3)
    _, cell, inputs = layer(sequence, mask=mask)
    for row, length in enumerate([4, 2]):
        _, alone_cell, alone_inputs = layer(sequence[row : row + 1, :length])
        np.testing.assert_allclose(cell[row : row + 1], alone_cell, atol=1e-6)
        np.testing.assert_allclose(inputs[row : row + 1], alone_inputs, atol=1e-6)


def test_zoneout_keeps_the_state_of_its_share_of_units_and_scales_nothing():
    layer = randomized(QRNN(400, pooling="f", zoneout=0.3, return_sequences=True, seed=1), 3)
    sequence = np.repeat(RNG.normal(size=(1, 1, 3)), 50, axis=1).astype("float32")
    cells = np.concatenate([np.zeros((1, 400)), layer(sequence, training=True)[0]])
    kept = np.isclose(cells[1:], cells[:-1], atol=1e-9)[:10]
    assert kept.mean() == pytest.approx(0.3, abs=0.03)
    after = slow_qrnn(sequence[:, :1], *layer.get_weights(), 1, "f", "fastai")[0, 0]
    updated = ~np.isclose(cells[1], 0)
    np.testing.assert_allclose(cells[1][updated], after[updated], atol=1e-5)


def test_dropconnect_changes_training_only_and_leaves_the_weights():
    layer = randomized(QRNN(5, weight_dropout=0.5, return_sequences=True), 3)
    plain = QRNN(5, return_sequences=True)
    plain.build((None, None, 3))
    before = layer.get_weights()
    plain.set_weights(before)
    sequence = RNG.normal(size=(2, 6, 3)).astype("float32")
    first, second = layer(sequence, training=True), layer(sequence, training=True)
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(layer(sequence), plain(sequence))
    for weight, kept in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)


def test_layer_survives_saving(tmp_path):
    inputs = keras.Input((None, 3))
    layer = QRNN(4, window=2, pooling="ifo", forget_convention="paper", zoneout=0.1, return_sequences=True)
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    sequence = RNG.normal(size=(2, 5, 3)).astype("float32")
    restored = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(restored(sequence), model(sequence))
    assert restored.layers[1].get_config() == model.layers[1].get_config()


@pytest.mark.parametrize("wrong", [{"pooling": "g"}, {"forget_convention": "x"}, {"window": 0}])
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        QRNN(4, **wrong)
