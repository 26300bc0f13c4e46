import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.trainer_modules.objectives.candidate_sampling import CandidateSampler
from ulmfit_tfx.trainer_modules.objectives.cross_entropy import summed_cross_entropy
from ulmfit_tfx.trainer_modules.objectives.sampled_softmax import summed_sampled_cross_entropy

VOCAB, SIZE = 23, 6


def slow_sampled(hidden, kernel, bias, targets, candidates, log_inclusion, weights):
    """In float64, row by row: sums of losses and of estimates, and the gradients of the first."""
    arrays = [array.astype("float64") for array in (hidden, kernel, bias)]
    hidden, kernel, bias = arrays
    d_hidden, d_kernel, d_bias = (np.zeros_like(array) for array in arrays)
    losses = estimates = 0.0
    for row, target in enumerate(targets):
        classes = sorted({*candidates.tolist(), int(target)})
        logits = kernel[classes] @ hidden[row] + bias[classes]
        exponentials = np.exp(logits - log_inclusion[classes])
        probabilities = exponentials / exponentials.sum()
        own = classes.index(target)
        losses -= weights[row] * np.log(probabilities[own])
        normalizer = exponentials.sum() - exponentials[own] + np.exp(logits[own])
        estimates += weights[row] * (np.log(normalizer) - logits[own])
        d_logits = weights[row] * (probabilities - np.eye(len(classes))[own])
        d_hidden[row] = d_logits @ kernel[classes]
        d_kernel[classes] += np.outer(d_logits, hidden[row])
        d_bias[classes] += d_logits
    return losses, estimates, [d_hidden, d_kernel, d_bias]


def example(rows, seed=0):
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=shape).astype("float32") for shape in ((rows, SIZE), (VOCAB, SIZE), (VOCAB,))]
    return *arrays, rng.integers(0, VOCAB, rows).astype("int32"), rng.uniform(0, 2, rows).astype("float32")


def sampler_of(size, seed=0):
    return CandidateSampler(np.random.default_rng(seed).integers(0, 1000, VOCAB), size, seed)


def with_gradients(hidden, kernel, bias, *sample, factor=1.0, **options):
    """The two sums, and the gradients of `factor` times the first."""
    inputs = [tf.convert_to_tensor(array) for array in (hidden, kernel, bias)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        losses, estimates = summed_sampled_cross_entropy(*inputs, *sample, **options)
        objective = losses * factor
    return losses, estimates, [tf.convert_to_tensor(gradient) for gradient in tape.gradient(objective, inputs)]


@settings(deadline=None, max_examples=40)
@given(
    rows=st.integers(1, 17),
    size=st.integers(1, VOCAB),
    max_logits=st.integers(1, 400),
    is_weighted=st.booleans(),
)
def test_sums_and_gradients_are_those_in_float64_however_they_are_cut(rows, size, max_logits, is_weighted):
    hidden, kernel, bias, targets, weights = example(rows)
    sampler = sampler_of(size)
    sample = targets, sampler.draw(1), sampler.log_inclusion
    losses, estimates, gradients = slow_sampled(
        hidden,
        kernel,
        bias,
        targets,
        sampler.draw(1).numpy(),
        np.log(sampler.inclusion),
        weights if is_weighted else np.ones(rows),
    )
    options = {"weights": weights if is_weighted else None, "max_logits": max_logits}
    own = with_gradients(hidden, kernel, bias, *sample, factor=0.25, **options)
    np.testing.assert_allclose(own[0], losses, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(own[1], estimates, rtol=1e-5, atol=1e-4)
    for gradient, expected in zip(own[2], gradients, strict=True):
        np.testing.assert_allclose(gradient, 0.25 * expected, atol=2e-5)


def test_all_pieces_as_candidates_are_the_full_softmax():
    hidden, kernel, bias, targets, weights = example(11)
    sampler = sampler_of(VOCAB)
    own = with_gradients(hidden, kernel, bias, targets, sampler.draw(0), sampler.log_inclusion, weights=weights)
    inputs = [tf.convert_to_tensor(array) for array in (hidden, kernel, bias)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss, _ = summed_cross_entropy(*inputs, targets, weights)
    np.testing.assert_allclose(own[0], loss, rtol=1e-6)
    np.testing.assert_allclose(own[1], loss, rtol=1e-5)
    for gradient, expected in zip(own[2], tape.gradient(loss, inputs), strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-5)


def test_mean_gradient_of_draws_comes_closer_to_the_full_softmaxs_with_more_candidates():
    hidden, kernel, bias, targets, _ = example(40)
    *_, full = slow_sampled(hidden, kernel, bias, targets, np.arange(VOCAB), np.zeros(VOCAB), np.ones(40))
    full = np.concatenate([part.ravel() for part in full])

    def cosine(size):
        sampler = sampler_of(size)
        gradients = tf.function(
            lambda number: with_gradients(hidden, kernel, bias, targets, sampler.draw(number), sampler.log_inclusion)[2]
        )
        draws = [np.concatenate([part.numpy().ravel() for part in gradients(tf.constant(n))]) for n in range(300)]
        mean = np.mean(draws, axis=0)
        return mean @ full / np.linalg.norm(mean) / np.linalg.norm(full)

    few, some, many = map(cosine, (3, 10, 20))
    assert 0.75 < few < some < many
    assert many > 0.95


def test_gradient_vanishes_in_the_mean_where_the_model_is_the_true_distribution():
    """Without the corrections it does not."""
    rng, vocab_size = np.random.default_rng(3), 400
    sampler = CandidateSampler(rng.integers(0, 1000, vocab_size), 100, seed=0)
    bias = rng.normal(size=vocab_size).astype("float32")
    hidden = kernel = np.zeros((vocab_size, 1), "float32")
    targets, weights = np.arange(vocab_size, dtype="int32"), tf.nn.softmax(bias)  # all of them, as they occur

    def mean_gradient(log_inclusion):
        gradient = tf.function(
            lambda number: with_gradients(
                hidden, kernel, bias, targets, sampler.draw(number), log_inclusion, weights=weights
            )[2][2]
        )
        return np.mean([gradient(tf.constant(number)) for number in range(1000)], axis=0)

    right, wrong = mean_gradient(sampler.log_inclusion), mean_gradient(np.zeros(vocab_size, "float32"))
    assert np.abs(right).sum() < 0.2 * np.abs(wrong).sum()


def test_estimated_normalizer_is_right_in_the_mean():
    hidden, kernel, bias, targets, _ = example(1)
    sampler, draws = sampler_of(8), 4000
    estimate = tf.function(
        lambda number: summed_sampled_cross_entropy(
            *map(tf.constant, (hidden, kernel, bias, targets)), sampler.draw(number), sampler.log_inclusion
        )[1]
    )
    normalizers = np.exp([float(estimate(tf.constant(number))) for number in range(draws)])
    full, _ = summed_cross_entropy(*map(tf.constant, (hidden, kernel, bias, targets)))
    assert normalizers.mean() == pytest.approx(np.exp(float(full)), abs=5 * normalizers.std() / np.sqrt(draws))


def test_row_of_weight_zero_has_no_part_whatever_its_target():
    hidden, kernel, bias, targets, _ = example(4)
    sampler = sampler_of(9)
    sample = sampler.draw(0), sampler.log_inclusion
    weights = np.array([1, 0, 1, 0], "float32")
    some = with_gradients(hidden[::2], kernel, bias, targets[::2], *sample)
    all_rows = with_gradients(hidden, kernel, bias, targets, *sample, weights=weights)
    np.testing.assert_allclose(all_rows[:2], some[:2], rtol=1e-6)
    assert not all_rows[2][0].numpy()[1::2].any()
    np.testing.assert_allclose(all_rows[2][1], some[2][1], atol=1e-6)


def test_pieces_that_are_neither_target_nor_candidate_have_no_gradient():
    hidden, kernel, bias, targets, _ = example(3)
    sampler = sampler_of(5)
    *_, (_, d_kernel, d_bias) = with_gradients(hidden, kernel, bias, targets, sampler.draw(0), sampler.log_inclusion)
    seen = {*targets.tolist(), *sampler.draw(0).numpy().tolist()}
    others = [piece for piece in range(VOCAB) if piece not in seen]
    assert others
    assert not d_kernel.numpy()[others].any()
    assert not d_bias.numpy()[others].any()
    assert all(d_kernel.numpy()[piece].any() for piece in seen)


def test_half_precision_gives_float32_losses_and_gradients_of_weights():
    hidden, kernel, bias, targets, weights = example(12)
    sampler = sampler_of(9)
    half = tf.cast(hidden * 0.5, tf.float16)
    losses, estimates, gradients = slow_sampled(
        hidden * 0.5, kernel, bias, targets, sampler.draw(0).numpy(), np.log(sampler.inclusion), weights
    )
    own = with_gradients(
        half, kernel, bias, targets, sampler.draw(0), sampler.log_inclusion, weights=weights, max_logits=40
    )
    assert (own[0].dtype, own[2][0].dtype, own[2][1].dtype) == (tf.float32, tf.float16, tf.float32)
    np.testing.assert_allclose(own[:2], [losses, estimates], rtol=0.005)
    for gradient, expected in zip(own[2], gradients, strict=True):
        np.testing.assert_allclose(tf.cast(gradient, tf.float32), expected, atol=0.02)


def test_large_logits_do_not_overflow():
    kernel = np.array([[300.0], [-300.0], [0.0]], "float32")
    hidden, bias = np.ones((1, 1), "float32"), np.zeros(3, "float32")
    log_inclusion = np.log(np.array([1.0, 0.1, 0.1], "float32"))
    for target, expected in ((0, 0.0), (1, 600 + np.log(0.1))):
        losses, estimates, gradients = with_gradients(
            hidden, kernel, bias, np.array([target], "int32"), np.array([0], "int32"), log_inclusion
        )
        np.testing.assert_allclose(losses, expected, rtol=1e-5)
        np.testing.assert_allclose(estimates, [0, 600][target], rtol=1e-5)
        assert all(np.isfinite(gradient).all() for gradient in gradients)
