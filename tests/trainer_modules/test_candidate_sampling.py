import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.trainer_modules.objectives.candidate_sampling import CandidateSampler, inclusion_probabilities

COUNTS = np.random.default_rng(0).zipf(1.3, 40).clip(0, 10**6) - 1


def slow_inclusion(weights, size):
    """Pieces above 1 are set to 1, and what is left is shared out anew, until there are none."""
    certain = np.zeros(len(weights), bool)
    while True:
        left = np.where(certain, 0, weights).astype("float64")
        shares = np.where(certain, 1.0, left * (size - certain.sum()) / max(left.sum(), 1e-300))
        above = (shares >= 1) & ~certain
        if not above.any():
            return shares
        certain |= above


@settings(deadline=None, max_examples=60)
@given(weights=st.lists(st.integers(1, 10**6), min_size=1, max_size=30), share=st.floats(0, 1))
def test_probabilities_are_in_proportion_but_for_those_above_one(weights, share):
    weights = np.array(weights, "float64")
    size = 1 + int(share * (len(weights) - 1))
    found = inclusion_probabilities(weights, size)
    np.testing.assert_allclose(found, slow_inclusion(weights, size), rtol=1e-9)
    assert found.sum() == pytest.approx(size)


def test_draw_has_different_pieces_and_always_the_certain_ones():
    sampler = CandidateSampler(COUNTS, 12, seed=1)
    certain = set(np.flatnonzero(sampler.inclusion == 1))
    assert 0 < len(certain) < 12
    for number in range(200):
        drawn = sampler.draw(number).numpy()
        assert len(set(drawn)) == len(drawn) == 12
        assert certain <= set(drawn)


def test_pieces_are_drawn_as_often_as_is_said():
    sampler, draws = CandidateSampler(COUNTS, 12, seed=1), 6000
    counted = np.zeros(len(COUNTS))
    draw = tf.function(sampler.draw)
    for number in tf.range(draws):
        counted[draw(number).numpy()] += 1
    error = 5 * np.sqrt(sampler.inclusion * (1 - sampler.inclusion) / draws)
    assert np.all(np.abs(counted / draws - sampler.inclusion) <= error)


def test_powers_of_frequencies_are_what_pieces_are_drawn_by():
    sampler = CandidateSampler(np.array([0, 1, 16, 81, 0, 16]), 1, seed=0)
    np.testing.assert_allclose(sampler.inclusion, np.array([1, 1, 8, 27, 1, 8]) / 46)
    np.testing.assert_allclose(sampler.log_inclusion, np.log(sampler.inclusion), rtol=1e-6)


def test_draw_follows_from_seed_and_number_alone():
    one, same, other = (CandidateSampler(COUNTS, 12, seed).draw for seed in (1, 1, 2))
    np.testing.assert_array_equal(one(5), tf.function(same)(tf.constant(5, tf.int64)))
    assert any(set(one(number).numpy()) != set(one(number + 1).numpy()) for number in range(3))
    assert any(set(one(number).numpy()) != set(other(number).numpy()) for number in range(3))


def test_draw_of_all_pieces_is_all_pieces():
    sampler = CandidateSampler(COUNTS, len(COUNTS), seed=1)
    np.testing.assert_array_equal(sampler.draw(3), np.arange(len(COUNTS)))
    np.testing.assert_array_equal(sampler.log_inclusion, 0)


@pytest.mark.parametrize("size", [0, 41])
def test_more_candidates_than_pieces_are_refused(size):
    with pytest.raises(ValueError, match=f"size is {size}, expected 1 to the number of pieces, 40"):
        CandidateSampler(COUNTS, size, seed=1)
