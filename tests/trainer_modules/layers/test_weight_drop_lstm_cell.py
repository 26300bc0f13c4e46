import keras
import numpy as np
import pytest
import tensorflow as tf
from slow_recurrences import slow_lstm

from ulmfit_tfx.layers import AWDLSTM, WeightDropLSTMCell

RNG = np.random.default_rng(0)
UNITS, FEATURES = 5, 3


def stepped(weight_dropout=0.0, seed=None, dtype="float64", **arguments):
    """A `keras.layers.RNN` around the cell, every weight a random value."""
    cell = WeightDropLSTMCell(UNITS, weight_dropout=weight_dropout, seed=seed, dtype=dtype)
    layer = keras.layers.RNN(cell, dtype=dtype, return_sequences=True, **arguments)
    layer.build((None, None, FEATURES))
    layer.set_weights([RNG.normal(0, 0.5, weight.shape) for weight in layer.get_weights()])
    return layer


def like(layer, other):
    other.build((None, None, FEATURES))
    other.set_weights(layer.get_weights())
    return other


def sequences(time=6, batch=2):
    return RNG.normal(size=(batch, time, FEATURES))


@pytest.fixture
def masked_kernels(monkeypatch):
    """What the recurrent kernel was after each drawing of a mask."""
    drawn, dropout = [], keras.random.dropout

    def noted(*arguments, **options):
        drawn.append(dropout(*arguments, **options))
        return drawn[-1]

    monkeypatch.setattr(keras.random, "dropout", noted)
    return drawn


def test_inference_is_the_slow_loop_over_the_raw_weights():
    layer, sequence = stepped(weight_dropout=0.5, return_state=True), sequences()
    mask = np.array([[True] * 6, [True] * 4 + [False] * 2])
    start = [np.zeros((2, UNITS))] * 2
    output, *states = layer(sequence, mask=mask)
    expected, expected_states = slow_lstm(sequence, *layer.get_weights(), mask, start)
    np.testing.assert_allclose(output.numpy()[mask], expected[mask], atol=1e-12)
    for own, slow in zip(states, expected_states, strict=True):
        np.testing.assert_allclose(own, slow, atol=1e-12)


@pytest.mark.parametrize("unroll", [False, True])
def test_training_is_the_slow_loop_over_one_masked_kernel_a_batch(unroll, masked_kernels):
    layer, sequence = stepped(weight_dropout=0.5, unroll=unroll), sequences()
    everywhere, start = np.ones((2, 6), bool), [np.zeros((2, UNITS))] * 2
    outputs = [layer(sequence, training=True) for _ in range(2)]
    kernel, raw, bias = layer.get_weights()
    assert len(masked_kernels) == 2
    for output, masked in zip(outputs, masked_kernels, strict=True):
        dropped = masked.numpy() == 0
        assert 0.3 < dropped.mean() < 0.7
        np.testing.assert_allclose(masked.numpy()[~dropped], 2 * raw[~dropped], atol=1e-12)
        expected, _ = slow_lstm(sequence, kernel, masked.numpy(), bias, everywhere, start)
        np.testing.assert_allclose(output, expected, atol=1e-12)
    assert not np.array_equal(*masked_kernels)


@pytest.mark.parametrize("training", [False, True])
def test_gives_what_the_layer_gives_with_the_same_weights_and_seed_also_in_a_graph(training):
    layer = stepped(weight_dropout=0.4, seed=3, return_state=True)
    fast = like(layer, AWDLSTM(UNITS, 0.4, seed=3, return_sequences=True, return_state=True, dtype="float64"))
    graph = tf.function(lambda sequence: layer(sequence, training=training))
    for time in (4, 9):  # a graph's loop, traced once for each length
        sequence = sequences(time)
        for own, expected in zip(graph(sequence), fast(sequence, training=training), strict=True):
            np.testing.assert_allclose(own, expected, atol=1e-12)


def test_each_batch_of_a_graph_has_a_mask_of_its_own():
    layer, sequence = stepped(weight_dropout=0.5), sequences()
    graph = tf.function(lambda sequence: layer(sequence, training=True))
    assert not np.allclose(graph(sequence), graph(sequence))


def test_gradient_reaches_only_the_weights_that_were_kept(masked_kernels):
    layer = stepped(weight_dropout=0.5)
    raw = layer.get_weights()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(sequences(), training=True))
    gradient = tape.gradient(loss, layer.cell.recurrent_kernel.value).numpy()
    np.testing.assert_array_equal(gradient == 0, masked_kernels[0].numpy() == 0)
    for weight, before in zip(layer.get_weights(), raw, strict=True):
        np.testing.assert_array_equal(weight, before)


def test_model_of_the_ancestors_page_trains_and_is_reloaded_with_its_weights(tmp_path):
    cell = WeightDropLSTMCell(UNITS, kernel_initializer="glorot_uniform", weight_dropout=0.5)
    ids = keras.Input(shape=(7,))
    embedded = keras.layers.Embedding(20, FEATURES, mask_zero=True)(ids)
    hidden = keras.layers.RNN(cell, return_sequences=True)(embedded)
    model = keras.Model(ids, keras.layers.Dense(1)(hidden))
    model.compile("adam", "mse")
    rows = RNG.integers(0, 20, (8, 7))
    model.fit(rows, RNG.normal(size=(8, 7, 1)), epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    restored = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(restored.predict(rows, verbose=0), model.predict(rows, verbose=0), atol=1e-6)
    assert restored.layers[-2].cell.weight_dropout == 0.5


def test_stacked_cells_each_have_a_mask(masked_kernels):
    cells = [WeightDropLSTMCell(UNITS, weight_dropout=0.5) for _ in range(2)]
    layer = keras.layers.RNN(cells)
    layer(sequences(), training=True)
    assert len(masked_kernels) == 2


@pytest.mark.parametrize(("policy", "tolerance"), [("mixed_float16", 5e-3), ("mixed_bfloat16", 3e-2)])
def test_half_precision_is_near_float32_and_trains_float32_weights(policy, tolerance):
    exact = stepped(weight_dropout=0.3, seed=1, dtype="float32")
    half = like(exact, stepped(weight_dropout=0.3, seed=1, dtype=policy))
    sequence = sequences().astype("float32")
    for training in (False, True):
        with tf.GradientTape() as tape:
            output = half(sequence, training=training)
            loss = tf.reduce_sum(tf.cast(output, "float32"))
        assert output.dtype == policy.removeprefix("mixed_")
        for gradient in tape.gradient(loss, [weight.value for weight in half.trainable_weights]):
            assert gradient.dtype == "float32"
            assert np.isfinite(gradient).all()
    np.testing.assert_allclose(tf.cast(half(sequence), "float32"), exact(sequence), atol=tolerance)


def test_dropout_of_the_inputs_is_keras_own():
    cell = WeightDropLSTMCell(UNITS, weight_dropout=0.1, dropout=0.9, seed=2)
    layer = keras.layers.RNN(cell, return_sequences=True)
    sequence = np.ones((1, 4, 400), "float32")
    assert not np.allclose(layer(sequence, training=True), layer(sequence))
    assert WeightDropLSTMCell.from_config(cell.get_config()).get_config() == cell.get_config()


@pytest.mark.parametrize("wrong", [{"weight_dropout": 1.0}, {"recurrent_dropout": 0.2}, {"implementation": 1}])
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        WeightDropLSTMCell(4, **wrong)
