import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, log_expit, log_softmax, softmax

from ulmfit_tfx.trainer_modules.objectives.calibration import (
    HIGHEST,
    LOWEST,
    fitted_temperature,
    sigmoid_temperature,
    softmax_temperature,
)

CLASSES = 4


def calibrated(rows, seed=0):
    """Logits of a perfectly calibrated model: labels are drawn from its own probabilities."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (rows, CLASSES))
    one_label = [rng.choice(CLASSES, p=probabilities) for probabilities in softmax(logits, axis=-1)]
    return logits, np.array(one_label), rng.uniform(size=logits.shape) < expit(logits)


def softmax_loss(logits, labels):
    return -log_softmax(logits, axis=-1)[np.arange(len(labels)), labels].mean()


def sigmoid_loss(logits, targets):
    return -np.where(targets, log_expit(logits), log_expit(-logits)).mean()


@pytest.mark.parametrize("factor", [0.2, 1.0, 3.0, 10.0])
def test_factor_of_the_logits_is_found(factor):
    logits, labels, targets = calibrated(20_000)
    assert softmax_temperature(factor * logits, labels) == pytest.approx(factor, rel=0.05)
    assert sigmoid_temperature(factor * logits, targets) == pytest.approx(factor, rel=0.05)


def test_scaled_logits_give_the_temperature_scaled_as_much():
    logits, labels, targets = calibrated(200)
    for fit, truth in ((softmax_temperature, labels), (sigmoid_temperature, targets)):
        assert fit(3 * logits, truth) == pytest.approx(3 * fit(logits, truth), rel=1e-3)


@given(
    rows=st.integers(1, 8),
    classes=st.integers(1, 4),
    spread=st.sampled_from([1e-3, 1.0, 50.0, 1e6]),
    seed=st.integers(0, 10_000),
)
@settings(deadline=None, max_examples=150)
def test_loss_is_never_above_that_of_one(rows, classes, spread, seed):
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(0, spread, (rows, classes)), rng.integers(0, classes, rows)
    targets = rng.integers(0, 2, logits.shape)
    for fit, loss, truth in (
        (softmax_temperature, softmax_loss, labels),
        (sigmoid_temperature, sigmoid_loss, targets),
    ):
        temperature = fit(logits, truth)
        assert LOWEST <= temperature <= HIGHEST
        assert loss(logits / temperature, truth) <= loss(logits, truth) * (1 + 1e-12)


@given(seed=st.integers(0, 10_000), spread=st.sampled_from([0.5, 2.0, 8.0]))
@settings(deadline=None, max_examples=40)
def test_no_other_temperature_is_better_where_some_rows_are_wrong(seed, spread):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, spread, (60, CLASSES))
    labels = np.where(rng.uniform(size=60) < 0.6, logits.argmax(axis=-1), rng.integers(0, CLASSES, 60))
    others = [softmax_loss(logits / other, labels) for other in np.geomspace(LOWEST * 1.01, HIGHEST, 400)]
    assert softmax_loss(logits / softmax_temperature(logits, labels), labels) <= min(others) + 1e-7


def test_rows_that_are_all_right_leave_the_logits_as_they_are():
    """The likelihood has no maximum: from ten easy rows no model should become certain of everything."""
    logits = np.random.default_rng(0).normal(size=(10, CLASSES))
    assert softmax_temperature(logits, logits.argmax(axis=-1)) == 1
    assert sigmoid_temperature(logits, logits > 0) == 1


def test_rows_that_are_all_wrong_give_the_highest_temperature():
    logits = np.random.default_rng(0).normal(size=(10, CLASSES))
    assert softmax_temperature(logits, logits.argmin(axis=-1)) == HIGHEST
    assert sigmoid_temperature(logits, logits < 0) == HIGHEST


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "logits",
    [
        np.zeros((0, CLASSES)),
        np.zeros((3, 1)),
        np.zeros((3, CLASSES)),
        np.array([[1.0, np.inf], [0, 1], [1, 0]]),
        np.array([[1.0, np.nan], [0, 1], [1, 0]]),
    ],
    ids=["no rows", "one class", "all alike", "infinite", "not a number"],
)
def test_rows_that_tell_nothing_give_one(logits):
    assert softmax_temperature(logits, np.zeros(len(logits), int)) == 1
    assert sigmoid_temperature(logits, np.zeros(logits.shape)) == 1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.0])
def test_constant_or_infinite_loss_gives_one(value):
    assert fitted_temperature(lambda temperature: value) == 1


@pytest.mark.filterwarnings("error")
def test_minimum_is_found_where_the_loss_is_infinite_at_low_temperatures():
    fitted = fitted_temperature(lambda temperature: math.inf if temperature < 0.5 else math.log(temperature / 3) ** 2)
    assert fitted == pytest.approx(3, rel=1e-3)


def test_loss_is_called_few_times():
    calls = []

    def loss(temperature):
        calls.append(temperature)
        return softmax_loss(logits / temperature, labels)

    logits, labels, _ = calibrated(500)
    fitted_temperature(loss)
    assert len(calls) <= 30
