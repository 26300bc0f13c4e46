import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.trainer_modules.objectives.cross_entropy import cross_entropy, summed_cross_entropy

RNG = np.random.default_rng(0)


def log_softmax(logits):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def slow_cross_entropy(hidden, kernel, bias, targets, weights, smoothing):
    """In float64: losses of the rows without and with label smoothing, and the gradients of the weighted sum."""
    hidden, kernel, bias = (array.astype("float64") for array in (hidden, kernel, bias))
    log_probabilities = log_softmax(hidden @ kernel.T + bias)
    is_target = np.eye(len(bias))[targets]
    share = (1 - smoothing) * is_target + smoothing / len(bias)
    d_logits = (np.exp(log_probabilities) - share) * weights[:, None]
    losses, smoothed = (-(part * log_probabilities).sum(axis=-1) for part in (is_target, share))
    return losses, smoothed, [d_logits @ kernel, d_logits.T @ hidden, d_logits.sum(axis=0)]


def example(rows, vocab_size, size=6, seed=0):
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=shape).astype("float32") for shape in ((rows, size), (vocab_size, size), (vocab_size,))]
    return *arrays, rng.integers(0, vocab_size, rows).astype("int32"), rng.uniform(0, 2, rows).astype("float32")


def with_gradients(hidden, kernel, bias, targets, weights=None, factor=1.0, **options):
    """The two sums, and the gradients of `factor` times the first."""
    inputs = [tf.convert_to_tensor(array) for array in (hidden, kernel, bias)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        smoothed, losses = summed_cross_entropy(*inputs, targets, weights, **options)
        objective = smoothed * factor
    return smoothed, losses, tape.gradient(objective, inputs)


@settings(deadline=None, max_examples=40)
@given(
    rows=st.integers(1, 17),
    vocab_size=st.integers(1, 23),
    max_logits=st.integers(1, 400),
    smoothing=st.sampled_from([0.0, 0.1, 0.7]),
    is_weighted=st.booleans(),
)
def test_sums_and_gradients_are_those_in_float64_however_they_are_cut(
    rows, vocab_size, max_logits, smoothing, is_weighted
):
    hidden, kernel, bias, targets, weights = example(rows, vocab_size)
    factors = weights if is_weighted else np.ones(rows)
    losses, smoothed, gradients = slow_cross_entropy(hidden, kernel, bias, targets, factors, smoothing)
    own = with_gradients(
        hidden,
        kernel,
        bias,
        targets,
        weights if is_weighted else None,
        factor=0.25,
        max_logits=max_logits,
        label_smoothing=smoothing,
    )
    np.testing.assert_allclose(own[0], (smoothed * factors).sum(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(own[1], (losses * factors).sum(), rtol=1e-5, atol=1e-5)
    for gradient, expected in zip(own[2], gradients, strict=True):
        np.testing.assert_allclose(gradient, 0.25 * expected, atol=2e-5)


@settings(deadline=None, max_examples=25)
@given(rows=st.integers(1, 17), vocab_size=st.integers(1, 23), max_logits=st.integers(1, 400))
def test_losses_and_hits_of_each_row_are_those_in_float64_however_they_are_cut(rows, vocab_size, max_logits):
    hidden, kernel, bias, targets, _ = example(rows, vocab_size)
    own_losses, is_right = cross_entropy(hidden, kernel, bias, targets, max_logits)
    losses, *_ = slow_cross_entropy(hidden, kernel, bias, targets, np.ones(rows), 0.0)
    np.testing.assert_allclose(own_losses, losses, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(is_right, np.argmax(hidden @ kernel.T + bias, axis=-1) == targets)


@pytest.mark.parametrize("max_logits", [60, 10_000])
def test_traced_function_of_any_number_of_rows_gives_the_same(max_logits):
    signature = [tf.TensorSpec([None, 6]), tf.TensorSpec([20, 6]), tf.TensorSpec([20]), tf.TensorSpec([None], tf.int32)]

    @tf.function(input_signature=signature)
    def traced(hidden, kernel, bias, targets):
        return with_gradients(hidden, kernel, bias, targets, max_logits=max_logits)

    for rows in (1, 3, 4, 11):
        *arrays, targets, _ = example(rows, 20, seed=rows)
        losses, _, gradients = slow_cross_entropy(*arrays, targets, np.ones(rows), 0.0)
        own = traced(*arrays, targets)
        np.testing.assert_allclose(own[1], losses.sum(), rtol=1e-5)
        for gradient, expected in zip(own[2], gradients, strict=True):
            np.testing.assert_allclose(gradient, expected, atol=2e-5)


def test_row_of_weight_zero_has_no_part_whatever_its_target():
    hidden, kernel, bias, targets, _ = example(4, 9)
    weights = np.array([1, 0, 1, 0], "float32")
    some = with_gradients(hidden[::2], kernel, bias, targets[::2], max_logits=18)
    all_rows = with_gradients(hidden, kernel, bias, targets, weights, max_logits=18)
    np.testing.assert_allclose(all_rows[0], some[0], rtol=1e-6)
    assert not all_rows[2][0].numpy()[1::2].any()
    np.testing.assert_allclose(all_rows[2][1], some[2][1], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_products_give_float32_losses_and_gradients_of_weights(dtype):
    hidden, kernel, bias, targets, weights = example(12, 9)
    hidden = hidden * 0.5
    losses, _, gradients = slow_cross_entropy(hidden, kernel, bias, targets, weights, 0.0)
    half = tf.cast(hidden, dtype)
    _, summed, (d_hidden, d_kernel, d_bias) = with_gradients(half, kernel, bias, targets, weights, max_logits=30)
    assert (summed.dtype, d_hidden.dtype, d_kernel.dtype) == (tf.float32, half.dtype, tf.float32)
    accuracy = 0.05 if dtype == "bfloat16" else 0.005
    np.testing.assert_allclose(summed, (losses * weights).sum(), rtol=accuracy)
    for gradient, expected in zip((d_hidden, d_kernel, d_bias), gradients, strict=True):
        np.testing.assert_allclose(tf.cast(gradient, tf.float32), expected, atol=2 * accuracy)
    own_losses, _ = cross_entropy(half, kernel, bias, targets, 30)
    assert own_losses.dtype == tf.float32
    np.testing.assert_allclose(own_losses, losses, rtol=4 * accuracy, atol=accuracy)


def test_large_logits_do_not_overflow():
    kernel = np.array([[300.0], [-300.0], [0.0]], "float32")
    hidden, bias = np.ones((1, 1), "float32"), np.zeros(3, "float32")
    smoothed, losses, gradients = with_gradients(hidden, kernel, bias, np.array([1], "int32"), max_logits=1)
    np.testing.assert_allclose([smoothed, losses], 600)
    np.testing.assert_allclose(gradients[2], [1, -1, 0], atol=1e-6)


MEASURE = """
import resource, sys
import numpy as np
import tensorflow as tf
from ulmfit_tfx.trainer_modules.objectives.cross_entropy import cross_entropy, summed_cross_entropy

vocab_size, size = 20_000, 16
kernel, bias = tf.Variable(tf.random.normal([vocab_size, size])), tf.Variable(tf.zeros([vocab_size]))

@tf.function
def step(hidden, targets):
    with tf.GradientTape() as tape:
        tape.watch(hidden)
        smoothed, _ = summed_cross_entropy(
            hidden, kernel, bias, targets, max_logits=int(sys.argv[1]), label_smoothing=float(sys.argv[2])
        )
    losses, _ = cross_entropy(hidden, kernel, bias, targets, int(sys.argv[1]))
    return tape.gradient(smoothed, [hidden, kernel.value(), bias.value()]), losses

def run(rows):
    step(tf.random.normal([rows, size]), tf.zeros([rows], tf.int32))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

before = run(20)
print((run(2_000) - before) // 1024)
"""


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_memory_is_that_of_the_logits_held_at_a_time(smoothing):
    """All logits of 2,000 rows are 160 MB, and so is their gradient; a million are 4 MB."""
    command = [sys.executable, "-c", MEASURE, "1000000", str(smoothing)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) < 80
