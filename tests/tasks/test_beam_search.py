import itertools

import numpy as np
import pytest

from ulmfit_tfx.tasks.language_model.beam_search import beam_search

EOS, UNKNOWN = 3, 0


def chain(size=6, seed=0):
    """A Markov chain: log probabilities of the piece after each, float64 [size, size]."""
    transitions = np.random.default_rng(seed).gamma(0.7, size=(size, size)) + 1e-3
    return np.log(transitions / transitions.sum(axis=1, keepdims=True))


def following(transitions):
    return lambda ids: transitions[ids[:, -1]]


def exhaustive(transitions, first, pieces, allowed):
    """Mean log probability of every continuation, by its ids."""
    found = {}
    for length in range(1, pieces + 1):
        for ids in itertools.product(allowed, repeat=length):
            ends = ids[-1] == EOS
            if EOS in ids[:-1] or (length < pieces and not ends):
                continue
            steps = itertools.pairwise((first, *ids))
            found[ids] = sum(transitions[before, after] for before, after in steps) / length
    return found


@pytest.mark.parametrize("seed", range(4))
def test_with_enough_beams_the_search_is_exhaustive(seed):
    transitions = chain(seed=seed)
    allowed = [1, 2, EOS, 4, 5]
    expected = exhaustive(transitions, 4, 4, allowed)
    found = beam_search(following(transitions), [2, 4], 1000, 4, EOS, [UNKNOWN])
    assert {continuation.ids: continuation.score for continuation in found} == pytest.approx(expected)
    scores = [continuation.score for continuation in found]
    assert scores == sorted(scores, reverse=True)


def test_one_beam_takes_the_most_probable_piece_each_time():
    transitions = chain(seed=3)
    expected, last = [], 4
    for _ in range(5):
        last = int(transitions[last].argmax())
        expected.append(last)
    [found] = beam_search(following(transitions), [4], 1, 5)
    assert found.ids == tuple(expected)
    assert found.log_probability == pytest.approx(sum(transitions[a, b] for a, b in itertools.pairwise([4, *expected])))


def test_two_beams_find_what_one_misses():
    # From 0 piece 1 is the more probable, and what follows piece 2 makes up for it.
    with np.errstate(divide="ignore"):
        transitions = np.log([[0, 0.6, 0.4, 0], [0, 0.5, 0, 0.5], [0, 0, 1.0, 0], [0, 0.5, 0, 0.5]])
    assert beam_search(following(transitions), [0], 1, 2)[0].ids == (1, 1)
    assert beam_search(following(transitions), [0], 2, 2)[0].ids == (2, 2)


def test_a_continuation_that_has_ended_stays_and_is_not_continued():
    with np.errstate(divide="ignore"):
        transitions = np.log([[0, 0.1, 0, 0.9], [0, 1.0, 0, 0], [0, 0, 0, 1.0], [0.0, 0.5, 0.5, 0.0]])
    best, other = beam_search(following(transitions), [0], 2, 30, EOS)
    assert (other.ids, other.ended) == ((EOS,), True)
    assert (best.ids, best.ended) == ((1,) * 30, False)  # the mean of a long one, ln 0.1 / 30, is above ln 0.9
    assert other.log_probability == pytest.approx(np.log(0.9))


def test_no_rows_are_asked_for_once_all_have_ended():
    asked = []

    def always_ends(ids):
        asked.append(ids.shape)
        return np.where(np.arange(6) == EOS, 0.0, -np.inf)[None].repeat(len(ids), axis=0)

    [only] = beam_search(always_ends, [2, 5], 3, 10, EOS)
    assert only.ids == (EOS,)
    assert asked == [(1, 2)]


def test_rows_are_the_prefix_with_each_continuation():
    seen = []

    def uniform(ids):
        seen.append(ids)
        return np.full((len(ids), 6), -np.log(6))

    beam_search(uniform, [2, 5], 3, 2, EOS)
    assert [ids.dtype.name for ids in seen] == ["int32", "int32"]
    np.testing.assert_array_equal(seen[0], [[2, 5]])
    assert sorted(map(tuple, seen[1])) == [(2, 5, 0), (2, 5, 1), (2, 5, 2)]


def test_forbidden_pieces_do_not_occur_and_do_not_change_the_others():
    transitions = chain(seed=1)
    for found in beam_search(following(transitions), [4], 50, 3, EOS, [UNKNOWN, 1, 2]):
        assert not {UNKNOWN, 1, 2} & set(found.ids)
        steps = itertools.pairwise([4, *found.ids])
        assert found.log_probability == pytest.approx(sum(transitions[a, b] for a, b in steps))


@pytest.mark.parametrize(("beams", "pieces", "message"), [(0, 3, "beams is 0"), (3, 0, "pieces is 0")])
def test_nothing_to_search_is_refused(beams, pieces, message):
    with pytest.raises(ValueError, match=message):
        beam_search(following(chain()), [4], beams, pieces)
