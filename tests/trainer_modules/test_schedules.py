import math

import keras
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.trainer_modules.optimization.schedules import OneCycle, OneCycleMomentum, SlantedTriangular

SCHEDULES = [OneCycle(0.01, 50, 0.3), OneCycleMomentum(50, 0.9, 0.8, 0.3), SlantedTriangular(0.01, 50, 0.2, 16.0)]


def fastai_cosines(position, warm_up, start, middle, end):
    """fastai's `combined_cos(pct, start, middle, end)`."""

    def cosine(start, end, at):
        return start + (1 + math.cos(math.pi * (1 - at))) * (end - start) / 2

    if position < warm_up:
        return cosine(start, middle, position / warm_up)
    return cosine(middle, end, (position - warm_up) / (1 - warm_up))


def slanted_triangular_of_the_paper(t, peak, total, cut_frac=0.1, ratio=32):
    """Howard and Ruder 2018, equation 3."""
    cut = math.floor(total * cut_frac)
    p = t / cut if t < cut else 1 - (t - cut) / (cut * (1 / cut_frac - 1))
    return peak * (1 + p * (ratio - 1)) / ratio


@pytest.mark.parametrize("warm_up", [0.1, 0.25, 0.5])
def test_one_cycle_equals_fastais(warm_up):
    schedule = OneCycle(peak=0.005, steps=101, warm_up=warm_up)
    for step in range(101):
        expected = fastai_cosines(step / 100, warm_up, 0.005 / 25, 0.005, 0.005 / 1e5)
        assert float(schedule(step)) == pytest.approx(expected, rel=1e-3, abs=1e-8)


@pytest.mark.parametrize("warm_up", [0.1, 0.25, 0.5])
def test_one_cycle_momentum_equals_fastais(warm_up):
    schedule = OneCycleMomentum(steps=101, warm_up=warm_up)
    for step in range(101):
        expected = fastai_cosines(step / 100, warm_up, 0.95, 0.85, 0.95)
        assert float(schedule(step)) == pytest.approx(expected, rel=1e-5)


def test_momentum_is_lowest_where_the_rate_is_highest():
    rate, momentum = OneCycle(0.005, 81, 0.25), OneCycleMomentum(81, warm_up=0.25)
    assert max(range(81), key=lambda step: float(rate(step))) == 20
    assert min(range(81), key=lambda step: float(momentum(step))) == 20


@pytest.mark.parametrize(("total", "cut_frac"), [(100, 0.1), (1000, 0.1), (60, 0.25), (40, 0.5)])
def test_slanted_triangular_equals_the_papers_equation(total, cut_frac):
    schedule = SlantedTriangular(0.01, total, cut_frac)
    for step in range(total + 1):
        expected = slanted_triangular_of_the_paper(step, 0.01, total, cut_frac)
        assert float(schedule(step)) == pytest.approx(expected, rel=1e-4)


def test_slanted_triangular_goes_from_a_32nd_to_the_peak_at_a_tenth_and_back():
    schedule = SlantedTriangular(peak=0.32, steps=200)
    assert float(schedule(0)) == pytest.approx(0.01)
    assert float(schedule(10)) == pytest.approx((0.01 + 0.32) / 2)
    assert float(schedule(20)) == pytest.approx(0.32)
    assert float(schedule(110)) == pytest.approx((0.01 + 0.32) / 2)
    assert float(schedule(200)) == pytest.approx(0.01)


@given(steps=st.integers(1, 300), cut_fraction=st.floats(0, 1))
def test_slanted_triangular_has_its_peak_at_the_cut_and_never_leaves_its_bounds(steps, cut_fraction):
    schedule = SlantedTriangular(peak=1.0, steps=steps, cut_fraction=cut_fraction)
    cut = math.floor(steps * cut_fraction)
    assert float(schedule(cut)) == pytest.approx(1.0)
    for step in {0, cut - 1, cut + 1, steps - 1, steps, 10 * steps} - {-1}:
        assert 1 / 32 - 1e-6 <= float(schedule(step)) <= 1 + 1e-6


@pytest.mark.parametrize("steps", [1, 2, 9])
def test_slanted_triangular_without_a_step_to_rise_in_begins_at_the_peak_and_falls(steps):
    rates = [float(SlantedTriangular(0.01, steps)(step)) for step in range(steps)]
    assert rates[0] == pytest.approx(0.01)
    assert rates == sorted(set(rates), reverse=True)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
def test_steps_after_the_last_stay_at_the_end(schedule):
    assert float(schedule(1000)) == pytest.approx(float(schedule(50)))


@pytest.mark.parametrize("schedule", [OneCycle(1.0, 1), OneCycleMomentum(1), OneCycle(1.0, 2), OneCycleMomentum(2)])
def test_one_cycle_of_a_step_or_two_is_finite(schedule):
    assert all(math.isfinite(float(schedule(step))) for step in range(4))


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
def test_optimizer_restores_the_schedule_from_its_config(schedule):
    optimizer = keras.optimizers.AdamW(schedule)
    optimizer.iterations.assign(7)
    restored = keras.optimizers.AdamW.from_config(optimizer.get_config())
    restored.iterations.assign(7)
    assert float(restored.learning_rate) == float(optimizer.learning_rate) == float(schedule(7))
