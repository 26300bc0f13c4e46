"""What holds for QRNN and AWDLSTM alike: equality with a float64 loop, and the ways of `keras.layers.LSTM`."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_recurrences import slope, slow_lstm, slow_qrnn

from ulmfit_tfx.layers import AWDLSTM, QRNN
from ulmfit_tfx.trainer_modules.layers.linear_recurrence import LONGEST_UNROLLED

RNG = np.random.default_rng(0)
UNITS, FEATURES = 4, 3


@dataclasses.dataclass(frozen=True)
class Kind:
    """A layer class with arguments, and its oracle."""

    pooling: str | None = None
    convention: str = "fastai"
    window: int = 1

    def layer(self, **arguments):
        """Builds the layer, in float64 unless told otherwise, and gives every weight a random value."""
        arguments = {"return_sequences": True, "dtype": "float64"} | arguments
        if self.pooling is None:
            layer = AWDLSTM(UNITS, **arguments)
        else:
            layer = QRNN(UNITS, self.window, self.pooling, self.convention, **arguments)
        layer.build((None, None, FEATURES))
        layer.set_weights([RNG.normal(0, 0.5, weight.shape) for weight in layer.get_weights()])
        return layer

    def slow(self, sequence, weights, mask=None, state=None):
        mask = np.ones(sequence.shape[:2], bool) if mask is None else mask
        state = self.zeros(len(sequence)) if state is None else state
        if self.pooling is None:
            return slow_lstm(sequence, *weights, mask, state)
        return slow_qrnn(
            sequence, *weights, mask, state, window=self.window, pooling=self.pooling, convention=self.convention
        )

    def zeros(self, batch):
        return [np.zeros((batch, UNITS)), np.zeros((batch, self.state_sizes[1]))]

    @property
    def state_sizes(self):
        return (UNITS, UNITS if self.pooling is None else (self.window - 1) * FEATURES)

    def random_state(self, batch):
        """A state as the layer takes it: QRNN of window 1 has one part."""
        sizes = [size for size in self.state_sizes if size]
        return [RNG.normal(size=(batch, size)) for size in sizes]


KINDS = [Kind(), Kind("f"), Kind("fo", window=2), Kind("ifo", "paper", 3)]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
kinds = st.one_of(
    st.just(Kind()),
    st.builds(Kind, st.sampled_from(["f", "fo", "ifo"]), st.sampled_from(["fastai", "paper"]), st.integers(1, 4)),
)


@st.composite
def batches(draw):
    """A sequence float64 [batch, time, FEATURES], and a mask with holes anywhere, or none."""
    batch, time = draw(st.integers(1, 3)), draw(st.integers(1, 7))
    cells = st.lists(st.booleans(), min_size=batch * time, max_size=batch * time)
    mask = draw(st.none() | cells.map(lambda flags: np.array(flags).reshape(batch, time)))
    return RNG.normal(size=(batch, time, FEATURES)), mask


@given(kind=kinds, batch=batches(), backwards=st.booleans(), carried=st.booleans())
@settings(max_examples=80, deadline=None)
def test_outputs_and_states_equal_the_slow_loop(kind, batch, backwards, carried):
    sequence, mask = batch
    layer = kind.layer(go_backwards=backwards, return_state=True)
    state = kind.random_state(len(sequence)) if carried else None
    output, *states = layer(sequence, initial_state=state, mask=mask)
    turn = slice(None, None, -1) if backwards else slice(None)
    full_state = state and [*state, *kind.zeros(len(sequence))[len(state) :]]
    expected, expected_states = kind.slow(
        sequence[:, turn], layer.get_weights(), None if mask is None else mask[:, turn], full_state
    )
    np.testing.assert_allclose(output, expected, atol=1e-10)
    for own, slow in zip(states, expected_states, strict=False):
        np.testing.assert_allclose(own, slow, atol=1e-10)


@given(kind=kinds, batch=batches(), training=st.booleans())
@settings(max_examples=25, deadline=None)
def test_gradients_equal_those_of_the_slow_loop(kind, batch, training):
    sequence, mask = batch
    layer = kind.layer(return_state=True)
    state = kind.random_state(len(sequence))
    missing = kind.zeros(len(sequence))[len(state) :]
    arrays = [sequence, *layer.get_weights(), *state]
    weightings = None

    def loss(arrays):
        weights = len(layer.weights)
        output, states = kind.slow(arrays[0], arrays[1 : 1 + weights], mask, [*arrays[1 + weights :], *missing])
        return sum(np.sum(w * part) for w, part in zip(weightings, [output, *states], strict=False))

    tensors = [tf.constant(sequence), *(tf.constant(part) for part in state)]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        outputs = layer(tensors[0], initial_state=tensors[1:], mask=mask, training=training)
        weightings = [RNG.normal(size=part.shape) for part in outputs]
        value = sum(tf.reduce_sum(w * part) for w, part in zip(weightings, outputs, strict=True))
    sources = [tensors[0], *(weight.value for weight in layer.weights), *tensors[1:]]
    for index, gradient in enumerate(tape.gradient(value, sources, unconnected_gradients="zero")):
        changed = lambda at, index=index: loss([*arrays[:index], at, *arrays[index + 1 :]])  # noqa: E731
        np.testing.assert_allclose(gradient, slope(changed, arrays[index]), atol=1e-6)


@each_kind
@pytest.mark.parametrize("time", [LONGEST_UNROLLED, LONGEST_UNROLLED + 1])
def test_unrolled_and_looped_sequences_equal_the_slow_loop(kind, time):
    layer, sequence = kind.layer(), RNG.normal(size=(2, time, FEATURES))
    np.testing.assert_allclose(layer(sequence), kind.slow(sequence, layer.get_weights())[0], atol=1e-10)


@each_kind
def test_length_may_be_unknown_when_the_graph_is_built(kind):
    layer = kind.layer()
    graph = tf.function(layer, input_signature=[tf.TensorSpec([None, None, FEATURES], tf.float64)])
    for time in (1, 6):
        sequence = RNG.normal(size=(2, time, FEATURES))
        np.testing.assert_allclose(graph(sequence), kind.slow(sequence, layer.get_weights())[0], atol=1e-10)


@each_kind
@pytest.mark.parametrize("tokens", [0, 1, 5, 9, 10])
def test_padding_that_is_left_out_of_the_product_changes_nothing(kind, tokens):
    layer, sequence = kind.layer(return_state=True), RNG.normal(size=(1, 10, FEATURES))
    mask = np.arange(10)[None] < tokens
    output, *states = layer(sequence, mask=mask)
    expected, expected_states = kind.slow(sequence, layer.get_weights(), mask)
    np.testing.assert_allclose(output, expected, atol=1e-12)
    for own, slow in zip(states, expected_states, strict=False):
        np.testing.assert_allclose(own, slow, atol=1e-12)


@each_kind
def test_row_does_not_depend_on_the_others_nor_on_padding(kind):
    layer, lengths = kind.layer(), [4, 1, 7, 0]
    sequence = RNG.normal(size=(4, 12, FEATURES))
    mask = np.arange(12)[None] < np.array(lengths)[:, None]
    together = layer(sequence, mask=mask).numpy()
    for row, length in enumerate(lengths):
        assert not together[row, length:].any()
        if length:
            np.testing.assert_allclose(together[row, :length], layer(sequence[row : row + 1, :length])[0], atol=1e-12)


@each_kind
@given(cut=st.integers(1, 7))
@settings(deadline=None)
def test_sequence_split_with_carried_state_equals_the_whole(kind, cut):
    layer = kind.layer(return_state=True)
    sequence = RNG.normal(size=(2, 8, FEATURES))
    whole, *_ = layer(sequence)
    first, *state = layer(sequence[:, :cut])
    second, *_ = layer(sequence[:, cut:], initial_state=state)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, atol=1e-12)


@each_kind
def test_stateful_layer_goes_on_where_the_batch_before_ended_until_it_is_reset(kind):
    layer = kind.layer()
    stateful = type(layer).from_config(layer.get_config() | {"stateful": True})
    stateful.build((2, 4, FEATURES))
    stateful.set_weights(layer.get_weights())
    sequence = RNG.normal(size=(2, 8, FEATURES))
    for _ in range(2):
        halves = [stateful(sequence[:, :4]), stateful(sequence[:, 4:])]
        np.testing.assert_allclose(np.concatenate(halves, axis=1), layer(sequence), atol=1e-12)
        stateful.reset_state()


@each_kind
def test_last_output_is_that_of_the_last_token_and_zero_without_one(kind):
    every, sequence = kind.layer(), RNG.normal(size=(3, 5, FEATURES))
    last = type(every).from_config(every.get_config() | {"return_sequences": False})
    last.build((None, None, FEATURES))
    last.set_weights(every.get_weights())
    mask = np.array([[1, 1, 1, 1, 0], [0, 1, 0, 1, 1], [0, 0, 0, 0, 0]], bool)
    steps = every(sequence, mask=mask).numpy()
    np.testing.assert_allclose(last(sequence, mask=mask), [steps[0, 3], steps[1, 4], np.zeros(UNITS)], atol=1e-12)


@each_kind
@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 2e-3), ("mixed_float16", 2e-3), ("mixed_bfloat16", 2e-2)])
def test_half_precision_is_near_float32_and_keeps_its_dtype(kind, dtype, tolerance):
    exact = kind.layer(dtype="float32", return_state=True)
    half = type(exact).from_config(exact.get_config() | {"dtype": dtype})
    half.build((None, None, FEATURES))
    half.set_weights(exact.get_weights())
    sequence = RNG.normal(size=(2, 40, FEATURES)).astype("float32")
    for own, expected in zip(half(sequence), exact(sequence), strict=True):
        assert own.dtype == dtype.removeprefix("mixed_")
        np.testing.assert_allclose(tf.cast(own, "float32"), expected, atol=tolerance)


@each_kind
def test_half_precision_trains(kind):
    layer = kind.layer(dtype="mixed_float16", weight_dropout=0.2)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(RNG.normal(size=(2, 5, FEATURES)), training=True))
    for gradient in tape.gradient(loss, [weight.value for weight in layer.trainable_weights]):
        assert gradient.dtype == "float32"
        assert np.isfinite(gradient).all()
        assert np.any(gradient)


@each_kind
def test_stands_where_keras_lstm_does_in_a_model_that_is_trained_saved_and_reloaded(kind, tmp_path):
    layer = kind.layer(dtype="float32", weight_dropout=0.1)
    ids = keras.Input((None,), dtype="int32")
    hidden = keras.layers.Embedding(20, FEATURES, mask_zero=True)(ids)
    hidden = keras.layers.Bidirectional(layer)(hidden)
    hidden = type(layer).from_config(layer.get_config() | {"return_sequences": False, "name": "last"})(hidden)
    model = keras.Model(ids, keras.layers.Dense(1)(hidden))
    model.compile("adam", "mse")
    rows = RNG.integers(0, 20, (8, 6))
    model.fit(rows, RNG.normal(size=8), verbose=0)
    model.save(tmp_path / "model.keras")
    restored = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(restored(rows), model(rows), atol=1e-6)


@each_kind
def test_dropconnect_is_a_new_mask_each_batch_in_training_only_and_leaves_the_weights(kind):
    layer, sequence = kind.layer(weight_dropout=0.5), RNG.normal(size=(2, 6, FEATURES))
    plain = kind.layer()
    weights = layer.get_weights()
    plain.set_weights(weights)
    assert not np.allclose(layer(sequence, training=True), layer(sequence, training=True))
    np.testing.assert_array_equal(layer(sequence), plain(sequence))
    for weight, before in zip(layer.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(weight, before)


@each_kind
def test_features_may_be_unknown_when_the_graph_is_built(kind):
    layer, sequence = kind.layer(), RNG.normal(size=(2, 5, FEATURES))
    graph = tf.function(layer, input_signature=[tf.TensorSpec([None, None, None], tf.float64)])
    np.testing.assert_allclose(graph(sequence), layer(sequence), atol=1e-12)


@each_kind
def test_shapes_are_told_before_the_layer_is_built(kind):
    fresh = type(kind.layer()).from_config(kind.layer(return_state=True).get_config())
    told = fresh.compute_output_shape((2, 5, FEATURES))
    assert [tuple(shape) for shape in told] == [part.shape for part in fresh(RNG.normal(size=(2, 5, FEATURES)))]


@each_kind
def test_what_stands_at_masked_steps_has_no_influence_however_large(kind):
    layer, sequence = kind.layer(), RNG.normal(size=(1, 6, FEATURES))
    mask = np.array([[True, False, True, True, False, True]])
    plain = layer(sequence, mask=mask)
    np.testing.assert_array_equal(layer(np.where(mask[..., None], sequence, 1e12), mask=mask), plain)


@each_kind
def test_config_restores_the_layer(kind):
    arguments = {"weight_dropout": 0.2, "go_backwards": True, "return_state": True, "stateful": True, "seed": 7}
    layer = type(kind.layer())(UNITS, **arguments)
    config = layer.get_config()
    assert arguments.items() <= config.items()
    assert type(layer).from_config(config).get_config() == config


@pytest.mark.parametrize("wrong", [{"unroll": True}, {"weight_dropout": 1.0}])
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        AWDLSTM(4, **wrong)
