import keras
import numpy as np
import pytest
from slow_recurrences import slow_qrnn

from ulmfit_tfx.layers import QRNN, QRNNCell

RNG = np.random.default_rng(0)


def randomized(layer, features=3):
    layer.build((None, None, features))
    layer.set_weights([RNG.normal(0, 0.5, weight.shape) for weight in layer.get_weights()])
    return layer


@pytest.mark.parametrize("window", [1, 3])
@pytest.mark.parametrize("pooling", ["f", "fo", "ifo"])
def test_layer_equals_its_cell_in_keras_rnn(pooling, window):
    layer = randomized(QRNN(5, window, pooling, return_sequences=True, return_state=True))
    cell = QRNNCell(5, window, pooling, features=3)
    stepped = keras.layers.RNN(cell, return_sequences=True, return_state=True)
    stepped.build((None, None, 3))
    stepped.set_weights(layer.get_weights())
    sequence = RNG.normal(size=(2, 6, 3)).astype("float32")
    for own, expected in zip(layer(sequence), stepped(sequence), strict=True):
        np.testing.assert_allclose(own, expected, atol=1e-6)


@pytest.mark.parametrize("window", [1, 2])
def test_cell_in_keras_rnn_equals_the_slow_loop_also_where_positions_are_masked(window):
    cell = QRNNCell(5, window, "ifo", "paper", dtype="float64")
    stepped = keras.layers.RNN(cell, return_sequences=True, zero_output_for_mask=True, dtype="float64")
    randomized(stepped)
    sequence, mask = RNG.normal(size=(2, 6, 3)), np.array([[1, 1, 0, 1, 1, 1], [1, 1, 1, 1, 0, 0]], bool)
    start = [np.zeros((2, 5)), np.zeros((2, (window - 1) * 3))]
    expected, _ = slow_qrnn(
        sequence, *stepped.get_weights(), mask, start, window=window, pooling="ifo", convention="paper"
    )
    np.testing.assert_allclose(stepped(sequence, mask=mask), expected, atol=1e-12)


@pytest.mark.parametrize(("policy", "tolerance"), [("mixed_float16", 5e-3), ("mixed_bfloat16", 3e-2)])
def test_cell_computes_in_half_precision_with_float32_weights(policy, tolerance):
    exact = randomized(keras.layers.RNN(QRNNCell(5), return_sequences=True))
    half = keras.layers.RNN(QRNNCell(5, dtype=policy), return_sequences=True, dtype=policy)
    half.build((None, None, 3))
    half.set_weights(exact.get_weights())
    sequence = RNG.normal(size=(2, 6, 3)).astype("float32")
    assert {weight.dtype for weight in half.weights if weight.name != "seed_generator_state"} == {"float32"}
    assert half(sequence).dtype == policy.removeprefix("mixed_")
    np.testing.assert_allclose(keras.ops.cast(half(sequence), "float32"), exact(sequence), atol=tolerance)


def test_model_with_the_cell_is_reloaded_with_its_weights(tmp_path):
    ids = keras.Input((None,), dtype="int32")
    embedded = keras.layers.Embedding(20, 3, mask_zero=True)(ids)
    model = keras.Model(ids, keras.layers.RNN(QRNNCell(5, window=2, zoneout=0.1))(embedded))
    model.save(tmp_path / "model.keras")
    restored = keras.models.load_model(tmp_path / "model.keras")
    rows = RNG.integers(0, 20, (4, 7))
    np.testing.assert_allclose(restored.predict(rows, verbose=0), model.predict(rows, verbose=0), atol=1e-6)


@pytest.mark.parametrize("of_layer", [True, False])
def test_zoneout_keeps_the_state_of_its_share_of_units_and_scales_nothing(of_layer):
    layer = randomized(QRNN(400, pooling="f", zoneout=0.3, return_sequences=True, seed=1))
    weights = layer.get_weights()
    if not of_layer:
        layer = keras.layers.RNN(QRNNCell(400, pooling="f", zoneout=0.3, seed=1), return_sequences=True)
        layer.build((None, None, 3))
        layer.set_weights(weights)
    sequence = np.repeat(RNG.normal(size=(1, 1, 3)), 50, axis=1).astype("float32")
    cells = np.concatenate([np.zeros((1, 400)), layer(sequence, training=True)[0]])
    kept = np.isclose(cells[1:], cells[:-1], atol=1e-9)[:10]
    assert kept.mean() == pytest.approx(0.3, abs=0.03)
    start = [np.zeros((1, 400)), np.zeros((1, 0))]
    expected, _ = slow_qrnn(
        sequence[:, :1], *weights, np.ones((1, 1), bool), start, window=1, pooling="f", convention="fastai"
    )
    updated = ~np.isclose(cells[1], 0)
    np.testing.assert_allclose(cells[1][updated], expected[0, 0][updated], atol=1e-5)


@pytest.mark.parametrize(
    "wrong", [{"pooling": "g"}, {"forget_convention": "x"}, {"window": 0}, {"units": 0}, {"zoneout": 1.5}]
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        QRNN(**{"units": 4} | wrong)


def test_zoneout_and_dropconnect_drop_independently_of_each_other():
    """From two generators of one seed they would draw the same numbers."""
    layer = randomized(QRNN(40, zoneout=0.5, weight_dropout=0.5, return_sequences=True, seed=7), features=40)
    drawn = []
    original = keras.random.uniform, keras.random.dropout

    def noted(function):
        def call(inputs, *arguments, **options):
            result = function(inputs, *arguments, **options)
            drawn.append(np.ravel(result)[:1600])
            return result

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.random, "uniform", noted(original[0]))
        patch.setattr(keras.random, "dropout", noted(original[1]))
        layer(np.ones((1, 40, 40), "float32"), training=True)
    dropped, kept = (values for values in drawn)
    agreement = np.mean((dropped == 0) == (kept < 0.5))
    assert agreement == pytest.approx(0.5, abs=0.06)


def test_fresh_weights_are_uniform_within_one_over_the_root_of_the_window():
    layer = QRNN(100, window=2)
    layer.build((None, None, 50))
    for weight in layer.weights:
        assert 0.09 < np.max(np.abs(weight)) <= 0.1
        assert np.std(weight) == pytest.approx(0.1 / 3**0.5, rel=0.15)
