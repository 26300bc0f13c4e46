import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from slow_recurrences import slope

from ulmfit_tfx.trainer_modules.layers.crf import ConditionalRandomField

pytestmark = pytest.mark.filterwarnings("ignore:You are using a softmax over axis -1")  # where there is a single tag


def scores_of_all_rows(emissions, transitions, start, end):
    """Every row of tags of one row of emissions, float64 [time, tags], with its score."""
    time, tags = emissions.shape
    scores = {}
    for row in itertools.product(range(tags), repeat=time):
        score = start[row[0]] + end[row[-1]] if row else 0.0
        score += sum(emissions[step, tag] for step, tag in enumerate(row))
        scores[row] = score + sum(transitions[pair] for pair in itertools.pairwise(row))
    return scores


def slow_likelihood_and_marginals(emissions, tags, weights):
    """Negative log likelihood of a row of tags, and the probability of each tag at each position."""
    scores = scores_of_all_rows(emissions, *weights)
    log_partition = logsumexp(list(scores.values()))
    marginals = np.zeros(emissions.shape)
    for row, score in scores.items():
        marginals[np.arange(len(row)), list(row)] += np.exp(score - log_partition)
    return log_partition - scores[tuple(tags)], marginals


class Case:
    """A layer with random weights and a batch for it, with what has no influence at the padding."""

    def __init__(self, lengths, tags, time=None, spread=1.0, seed=0):
        rng = np.random.default_rng(seed)
        self.lengths, self.spread = np.array(lengths), spread
        time = max(lengths) if time is None else time
        self.layer = ConditionalRandomField()
        self.layer.build((None, None, tags))
        self.weights = [rng.normal(0, spread, weight.shape).astype("float32") for weight in self.layer.weights]
        self.layer.set_weights(self.weights)
        self.mask = np.arange(time)[None] < self.lengths[:, None]
        emissions = rng.normal(0, spread, (len(lengths), time, tags)).astype("float32")
        self.emissions = np.where(self.mask[..., None], emissions, np.nan)
        self.tags = np.where(self.mask, rng.integers(0, tags, self.mask.shape), -1).astype("int32")

    def rows(self, temperature=1.0):
        """Emissions, tags and weights of each row, without padding, in float64."""
        weights = [weight.astype("float64") / temperature for weight in self.weights]
        for length, emissions, tags in zip(self.lengths, self.emissions, self.tags, strict=True):
            yield emissions[:length].astype("float64") / temperature, tags[:length], weights

    def rounding(self, temperature=1.0):
        """What float32 may be off by: scores lie so far apart."""
        return 2e-6 * (1 + self.spread / temperature)

    @property
    def loss(self):
        return self.layer.negative_log_likelihood(self.emissions, self.tags, self.mask)


@st.composite
def cases(draw):
    time = draw(st.integers(0, 5))
    lengths = draw(st.lists(st.integers(0, time), min_size=1, max_size=4))
    return Case(lengths, draw(st.integers(1, 4)), time, draw(st.sampled_from([0.5, 3, 60])), draw(st.integers(0, 999)))


temperatures = st.sampled_from([0.05, 0.5, 1.0, 7.0])


@given(case=cases(), temperature=temperatures)
@settings(max_examples=60, deadline=None)
def test_likelihood_is_that_among_all_rows_of_tags(case, temperature):
    losses = case.layer.negative_log_likelihood(case.emissions, case.tags, case.mask, temperature)
    assert losses.dtype == "float32"
    expected = [slow_likelihood_and_marginals(*row)[0] for row in case.rows(temperature)]
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=case.rounding(temperature))


@given(case=cases(), temperature=temperatures)
@settings(max_examples=60, deadline=None)
def test_marginals_are_sums_over_all_rows_of_tags_and_zero_at_padding(case, temperature):
    marginals = case.layer.marginals(case.emissions, case.mask, temperature).numpy()
    assert marginals.dtype == "float32"
    assert not marginals[~case.mask].any()
    for own, length, row in zip(marginals, case.lengths, case.rows(temperature), strict=True):
        expected = slow_likelihood_and_marginals(*row)[1]
        np.testing.assert_allclose(own[:length], expected, atol=case.rounding(temperature))


@given(case=cases(), temperature=temperatures)
@settings(max_examples=60, deadline=None)
def test_decoded_tags_have_the_highest_score_of_all_and_are_zero_at_padding(case, temperature):
    decoded = case.layer.decode(case.emissions, case.mask, temperature).numpy()
    assert decoded.dtype == "int32"
    assert not decoded[~case.mask].any()
    for own, length, (emissions, _, weights) in zip(decoded, case.lengths, case.rows(), strict=True):
        scores = scores_of_all_rows(emissions, *weights)
        highest = max(scores.values())
        assert scores[tuple(own[:length])] == pytest.approx(highest, rel=1e-5, abs=1e-5)


@given(case=cases())
@settings(max_examples=15, deadline=None)
def test_gradients_are_the_slopes_of_the_loss_among_all_rows_of_tags(case):
    upstream = np.linspace(1, 2, len(case.lengths))
    emissions = tf.constant(case.emissions)
    with tf.GradientTape() as tape:
        tape.watch(emissions)
        losses = case.layer.negative_log_likelihood(emissions, case.tags, case.mask)
        total = tf.reduce_sum(losses * upstream)
    own = tape.gradient(total, [emissions, *(weight.value for weight in case.layer.weights)])
    rows = list(case.rows())

    def loss(weights):
        return sum(
            factor * slow_likelihood_and_marginals(emissions, tags, weights)[0]
            for factor, (emissions, tags, _) in zip(upstream, rows, strict=True)
        )

    weights = rows[0][2]
    for index, gradient in enumerate(own[1:]):
        changed = lambda at, index=index: loss([*weights[:index], at, *weights[index + 1 :]])  # noqa: E731
        np.testing.assert_allclose(gradient, slope(changed, weights[index]), atol=2e-4)
    for row, (factor, length, (at, tags, _)) in enumerate(zip(upstream, case.lengths, rows, strict=True)):
        of_row = lambda changed, tags=tags: slow_likelihood_and_marginals(changed, tags, weights)[0]  # noqa: E731
        np.testing.assert_allclose(own[0][row, :length], factor * slope(of_row, at), atol=2e-4)
        assert not own[0].numpy()[row, length:].any()


def slow_long_row(emissions, tags, transitions, start, end):
    """As `slow_likelihood_and_marginals`, by the forward-backward algorithm in float64 (Rabiner 1989, section III)."""
    forward, backward = [start + emissions[0]], [end]
    for step in emissions[1:]:
        forward.append(logsumexp(forward[-1][:, None] + transitions, axis=0) + step)
    for step in emissions[:0:-1]:
        backward.append(logsumexp(transitions + step + backward[-1], axis=1))
    log_partition = logsumexp(forward[-1] + end)
    score = start[tags[0]] + end[tags[-1]] + emissions[np.arange(len(tags)), tags].sum()
    score += transitions[tags[:-1], tags[1:]].sum()
    return log_partition - score, np.exp(np.array(forward) + np.array(backward[::-1]) - log_partition)


@pytest.mark.parametrize("offset", [0, 100])
def test_long_rows_are_as_exact_as_short_ones(offset):
    case = Case([500], 7, spread=4.0)
    case.emissions += np.float32(offset)
    loss, marginals = slow_long_row(*next(case.rows())[:2], *next(case.rows())[2])
    np.testing.assert_allclose(case.loss, [loss], rtol=1e-5)
    np.testing.assert_allclose(case.layer.marginals(case.emissions, case.mask)[0], marginals, atol=1e-4)


def test_padded_batch_gives_what_single_rows_give():
    case = Case([9, 1, 4, 0], 5, time=12)
    losses, marginals = case.loss, case.layer.marginals(case.emissions, case.mask)
    decoded = case.layer.decode(case.emissions, case.mask)
    for row, length in enumerate(case.lengths[:3]):
        alone = [part[row : row + 1, :length] for part in (case.emissions, case.mask)]
        loss = case.layer.negative_log_likelihood(alone[0], case.tags[row : row + 1, :length], alone[1])
        np.testing.assert_allclose(losses[row], loss[0], atol=1e-5)
        np.testing.assert_allclose(marginals[row, :length], case.layer.marginals(*alone)[0], atol=1e-5)
        np.testing.assert_array_equal(decoded[row, :length], case.layer.decode(*alone)[0])


def test_row_without_tags_has_no_loss_and_no_gradient():
    case = Case([0, 0], 3, time=4)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(case.loss)
    assert float(total) == 0
    for gradient in tape.gradient(total, [weight.value for weight in case.layer.weights]):
        np.testing.assert_array_equal(gradient, np.zeros(gradient.shape))


def test_fresh_layer_is_a_softmax_at_each_position():
    case = Case([6, 3], 4)
    fresh = ConditionalRandomField()
    fresh.build((None, None, 4))
    softmax = tf.nn.softmax(case.emissions).numpy()
    marginals = fresh.marginals(case.emissions, case.mask).numpy()
    np.testing.assert_allclose(marginals[case.mask], softmax[case.mask], atol=1e-6)


class Exported(tf.Module):
    """A layer's methods as a function of batches of any size and length."""

    def __init__(self, layer):
        self.weights = [weight.value for weight in layer.weights]
        signature = [tf.TensorSpec([None, None, layer.weights[1].shape[0]]), tf.TensorSpec([None, None], tf.bool)]

        @tf.function(input_signature=signature)
        def tag(emissions, mask):
            tags = layer.decode(emissions, mask)
            losses = layer.negative_log_likelihood(emissions, tags, mask)
            return {"tags": tags, "losses": losses, "marginals": layer.marginals(emissions, mask, 2.0)}

        self.tag = tag


def outputs_of_tf2(folder, case):
    outputs = tf.saved_model.load(folder).signatures["serving_default"](
        emissions=tf.constant(case.emissions), mask=tf.constant(case.mask)
    )
    return {name: value.numpy() for name, value in outputs.items()}


def outputs_of_tf1(folder, case):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        signature = tf.compat.v1.saved_model.loader.load(session, ["serve"], folder).signature_def["serving_default"]
        feed = {signature.inputs["emissions"].name: case.emissions, signature.inputs["mask"].name: case.mask}
        return session.run({name: tensor.name for name, tensor in signature.outputs.items()}, feed)


@pytest.mark.parametrize("outputs_of", [outputs_of_tf2, outputs_of_tf1])
def test_saved_model_serves_batches_of_any_length(outputs_of, tmp_path):
    exported = Exported(Case([1], 4).layer)
    tf.saved_model.save(exported, str(tmp_path), signatures=exported.tag)
    for lengths, time in (([5, 2, 0], 7), ([1], 1), ([0, 0], 0)):
        case = Case(lengths, 4, time)
        outputs = outputs_of(str(tmp_path), case)
        case.layer.set_weights([weight.numpy() for weight in exported.weights])
        tags = case.layer.decode(case.emissions, case.mask)
        np.testing.assert_array_equal(outputs["tags"], tags)
        losses = case.layer.negative_log_likelihood(case.emissions, tags, case.mask)
        np.testing.assert_allclose(outputs["losses"], losses, atol=1e-6)
        marginals = case.layer.marginals(case.emissions, case.mask, 2.0)
        np.testing.assert_allclose(outputs["marginals"], marginals, atol=1e-6)


def test_half_precision_emissions_are_computed_with_in_float32():
    case = Case([30, 12], 5, spread=3.0)
    half = np.where(case.mask[..., None], case.emissions, 0).astype("float16")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        layer = ConditionalRandomField()
        passed = layer(half)
    finally:
        keras.config.set_dtype_policy(before)
    layer.set_weights(case.weights)
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    assert passed.dtype == "float32"
    np.testing.assert_array_equal(passed, half.astype("float32"))
    for own, expected in (
        (layer.marginals(half, case.mask), case.layer.marginals(half.astype("float32"), case.mask)),
        (
            layer.negative_log_likelihood(half, case.tags, case.mask),
            case.layer.negative_log_likelihood(half.astype("float32"), case.tags, case.mask),
        ),
    ):
        assert own.dtype == "float32"
        np.testing.assert_array_equal(own, expected)


def test_layer_in_a_model_is_saved_and_reloaded_with_its_weights(tmp_path):
    case = Case([4], 3)
    inputs = keras.Input((None, 3))
    model = keras.Model(inputs, case.layer(inputs))
    model.save(tmp_path / "model.keras")
    restored = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(restored(case.emissions), case.emissions)
    for own, expected in zip(restored.layers[-1].get_weights(), case.weights, strict=True):
        np.testing.assert_array_equal(own, expected)
