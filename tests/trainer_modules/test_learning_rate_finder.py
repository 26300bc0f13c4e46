import contextlib
import doctest
import itertools
import math
import random
import sys

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ulmfit_tfx.schemas.errors import UserError
from ulmfit_tfx.trainer_modules.optimization import learning_rate_finder
from ulmfit_tfx.trainer_modules.optimization.learning_rate_chart import write_chart
from ulmfit_tfx.trainer_modules.optimization.learning_rate_finder import (
    LearningRateCurve,
    find_learning_rate,
    longest_decreasing,
)
from ulmfit_tfx.trainer_modules.optimization.learning_rate_tuner import LearningRateTuner, suggested_learning_rate


def curve_of(smoothed):
    return LearningRateCurve(tuple(10.0**i for i in range(len(smoothed))), tuple(smoothed), tuple(smoothed))


def quadratic(noise=0.0, seed=0):
    """Gradient descent on a parabola of curvature 1: it converges at rates below 2 and diverges above."""
    rng = random.Random(seed)
    weight = [3.0]

    def step(rate):
        loss = weight[0] ** 2 / 2 + 1 + rng.gauss(0, noise)
        weight[0] -= rate * weight[0]
        return loss

    return step


def losses(*values):
    """A step whose losses are given, whatever the rate; after the last one, it stays there."""
    remaining = iter(values)
    return lambda rate: next(remaining, values[-1])


def test_rates_rise_by_a_constant_factor_from_start_to_end():
    seen = []
    find_learning_rate(lambda rate: seen.append(rate) or 1.0, 1e-4, 1.0, 5)
    np.testing.assert_allclose(seen, [1e-4, 1e-3, 1e-2, 1e-1, 1.0])


def test_smoothed_losses_are_weighted_means_of_all_losses_so_far():
    values = [random.Random(1).uniform(1, 3) for _ in range(20)]
    curve = find_learning_rate(losses(*values), steps=20)
    for step, smoothed in enumerate(curve.smoothed_losses):
        weights = [0.98 ** (step - earlier) for earlier in range(step + 1)]
        expected = math.fsum(w * v for w, v in zip(weights, values, strict=False)) / math.fsum(weights)
        assert smoothed == pytest.approx(expected, rel=1e-12)
    assert curve.losses == tuple(values)


def test_stops_where_the_smoothed_loss_is_four_times_its_lowest():
    calls = []

    def step(rate):
        calls.append(rate)
        return 1.0 if len(calls) <= 10 else 21.0

    curve = find_learning_rate(step)
    above = [smoothed > 4 for smoothed in curve.smoothed_losses]
    assert above == [False] * (len(calls) - 1) + [True]
    assert 10 < len(calls) < 100


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_stops_at_a_loss_that_is_not_finite_and_leaves_it_out(value):
    curve = find_learning_rate(losses(3.0, 2.0, value))
    assert curve.losses == (3.0, 2.0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_first_loss_that_is_not_finite_is_an_error(value):
    with pytest.raises(UserError, match="the very first loss is (nan|inf), at a learning rate of 1.0e-07"):
        find_learning_rate(losses(value))


@pytest.mark.parametrize("values", [[5.0] * 40, [5.0 + i for i in range(40)], [5.0, math.nan]])
def test_loss_that_never_falls_is_an_error_of_each_suggestion(values):
    curve = find_learning_rate(losses(*values))
    for suggestion in ("suggestion", "steepest"):
        with pytest.raises(UserError, match="the loss never falls: in [0-9]+ steps, at learning rates from 1.0e-07"):
            getattr(curve, suggestion)


def test_noise_alone_is_hardly_ever_called_a_fall_and_a_fall_of_twice_the_noise_always_is():
    """The losses of a frozen network differ too, from batch to batch."""
    rng = np.random.default_rng(0)
    fell = {0.0: 0, 2.0: 0}
    for drop, _ in itertools.product(fell, range(100)):
        path = 5 - drop / (1 + np.exp(-np.linspace(-12, 8, 100))) + rng.normal(0, 1, 100)
        with contextlib.suppress(UserError):
            fell[drop] += find_learning_rate(losses(*path)).suggestion > 0
    assert fell[0.0] < 35
    assert fell[2.0] == 100


@pytest.mark.parametrize("arguments", [(0.0, 1.0, 10), (1.0, 1.0, 10), (0.1, 1.0, 1)])
def test_rates_that_do_not_ascend_are_an_error(arguments):
    with pytest.raises(ValueError, match="expected 0 < start < end and 2 steps or more"):
        find_learning_rate(losses(1.0), *arguments)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=9))
def test_longest_decreasing_is_as_long_as_the_longest_of_all_subsequences(values):
    members = longest_decreasing(np.array(values))
    chosen = [values[index] for index in members]
    assert list(members) == sorted(set(members))
    assert all(a > b for a, b in itertools.pairwise(chosen))
    subsequences = (
        combination
        for size in range(1, len(values) + 1)
        for combination in itertools.combinations(values, size)
        if all(a > b for a, b in itertools.pairwise(combination))
    )
    assert len(members) == max(map(len, subsequences))


def test_doctest():
    assert doctest.testmod(learning_rate_finder).failed == 0


def test_suggestion_is_the_middle_of_the_fall():
    assert curve_of([7, 7, 7, 6, 5, 4, 3, 8, 9]).suggestion == 10.0**4


def test_bump_does_not_part_a_fall():
    """The fall's members are 9, 8, 7, 5, 4, 3, 2; each part by itself would have its middle elsewhere."""
    assert curve_of([9, 8, 7, 7.5, 5, 4, 3, 2]).suggestion == 10.0**4


def test_first_tenth_does_not_count():
    """Otherwise the fall would begin with 9, 8, 7, and its middle would be at step 4."""
    early, late = [9, 8, 7, 6], [6.5] * 20 + [6.4, 6.3, 6.2] + [8] * 13
    assert curve_of(early + late).suggestion == 10.0**25


def test_steepest_is_within_the_largest_drop():
    curve = curve_of([9.0, 8.9, 8.8, 8.7, 6, 5.9, 5.8, 5.7])
    assert curve.steepest == 10.0**3


@pytest.mark.parametrize("seed", range(5))
def test_suggestion_for_noisy_descent_on_a_parabola_converges(seed):
    """Rates from 0.001 lower the loss within a hundred steps; from 2 they diverge."""
    curve = find_learning_rate(quadratic(noise=0.2, seed=seed))
    assert 1e-3 < curve.suggestion < 2
    assert 1e-3 < curve.steepest < 2


@given(st.lists(st.tuples(*[st.floats(0, allow_infinity=False)] * 3), max_size=30))
def test_json_round_trip_is_exact(points):
    rates, raw, smoothed = zip(*points, strict=True) if points else ((), (), ())
    curve = LearningRateCurve(rates, raw, smoothed)
    assert LearningRateCurve.from_json(curve.to_json()) == curve


def test_chart_shows_both_suggestions_in_their_colours_and_leaves_pyplot_alone(tmp_path):
    before = dict(mpl.rcParams)
    write_chart(find_learning_rate(quadratic()), str(tmp_path / "chart.png"))
    with Image.open(tmp_path / "chart.png") as image:
        assert image.size == (1200, 675)
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    for color in ((0xD5, 0x5E, 0x00), (0x00, 0x79, 0x5C), (0x1F, 0x4E, 0x79)):
        assert np.sum(np.all(pixels == color, axis=1)) > 100
    assert dict(mpl.rcParams) == before
    assert not getattr(sys.modules.get("matplotlib.pyplot"), "get_fignums", list)()


def test_tuner_gives_its_suggestion_to_the_trainer_and_writes_curve_and_chart(tmp_path):
    tuner = LearningRateTuner(quadratic(), str(tmp_path), start=1e-4, end=5.0, steps=40)
    tuner.search()
    expected = find_learning_rate(quadratic(), 1e-4, 5.0, 40)
    (best,) = tuner.get_best_hyperparameters()
    assert suggested_learning_rate(best.get_config()) == expected.suggestion
    (trial,) = tuner.oracle.get_best_trials()
    assert trial.score == expected.smoothed_loss_at(expected.suggestion)
    assert LearningRateCurve.from_json((tmp_path / "learning_rate.json").read_text()) == expected
    assert (tmp_path / "learning_rate.png").read_bytes().startswith(b"\x89PNG")


def test_tuner_prints_nothing_even_where_an_earlier_search_lies(tmp_path, capfd):
    for _ in range(2):
        tuner = LearningRateTuner(quadratic(), str(tmp_path))
        tuner.search_space_summary()
        tuner.search()
        tuner.results_summary()
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("error", [UserError("no such weights"), MemoryError("no room")])
def test_what_the_step_raises_comes_out_of_the_search(tmp_path, error):
    """KerasTuner's own would mark the trial as failed and end the search as if all were well."""

    def step(rate):
        raise error

    with pytest.raises(type(error)) as raised:
        LearningRateTuner(step, str(tmp_path)).search()
    assert raised.value is error


@pytest.mark.parametrize("hyperparameters", [None, {}, {"space": [], "values": {}}])
def test_no_suggestion_without_a_finder(hyperparameters):
    assert suggested_learning_rate(hyperparameters) is None
