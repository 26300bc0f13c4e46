import numpy as np
import pytest

from ulmfit_tfx.trainer_modules.objectives.activation_regularization import (
    activation_regularization,
    temporal_activation_regularization,
)

RNG = np.random.default_rng(0)
HIDDEN = RNG.normal(size=(3, 5, 4)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0]], bool)


def squares_at_tokens(hidden):
    return [hidden[row, step] ** 2 for row, step in zip(*np.nonzero(MASK), strict=True)]


def squares_between_tokens(hidden):
    pairs = [(row, step) for row, step in zip(*np.nonzero(MASK), strict=True) if step and MASK[row, step - 1]]
    return [(hidden[row, step] - hidden[row, step - 1]) ** 2 for row, step in pairs]


@pytest.mark.parametrize(
    ("regularization", "mask", "squares"),
    [
        (activation_regularization, None, HIDDEN**2),
        (activation_regularization, MASK, squares_at_tokens(HIDDEN)),
        (temporal_activation_regularization, None, np.diff(HIDDEN, axis=1) ** 2),
        (temporal_activation_regularization, MASK, squares_between_tokens(HIDDEN)),
    ],
)
def test_it_is_the_mean_of_the_squares_that_count(regularization, mask, squares):
    np.testing.assert_allclose(regularization(HIDDEN, mask), np.mean(np.float64(squares)), rtol=1e-6)


@pytest.mark.parametrize("regularization", [activation_regularization, temporal_activation_regularization])
def test_what_stands_at_padding_does_not_count(regularization):
    changed = np.where(MASK[..., None], HIDDEN, 1e3).astype("float32")
    np.testing.assert_allclose(regularization(changed, MASK), regularization(HIDDEN, MASK), rtol=1e-6)


@pytest.mark.parametrize("regularization", [activation_regularization, temporal_activation_regularization])
def test_nothing_that_counts_is_zero(regularization):
    assert float(regularization(HIDDEN, np.zeros_like(MASK))) == 0


def test_half_precision_is_squared_in_single():
    large = np.full((1, 2, 4), 300, "float16")
    np.testing.assert_allclose(activation_regularization(large), 90_000)
