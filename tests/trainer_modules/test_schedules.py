import math

import keras
import pytest

from ulmfit_tfx.trainer_modules.optimization.schedules import OneCycle


def fastai_one_cycle(position, peak, warm_up, divisor=25.0, final_divisor=1e5):
    """fastai's `combine_cos(pct_start, lr_max/div, lr_max, lr_max/div_final)`."""

    def cosine(start, end, at):
        return start + (1 + math.cos(math.pi * (1 - at))) * (end - start) / 2

    if position < warm_up:
        return cosine(peak / divisor, peak, position / warm_up)
    return cosine(peak, peak / final_divisor, (position - warm_up) / (1 - warm_up))


@pytest.mark.parametrize("warm_up", [0.1, 0.25, 0.5])
def test_one_cycle_equals_fastais(warm_up):
    schedule = OneCycle(peak=0.005, steps=101, warm_up=warm_up)
    for step in range(101):
        expected = fastai_one_cycle(step / 100, 0.005, warm_up)
        assert float(schedule(step)) == pytest.approx(expected, rel=1e-3, abs=1e-8)


def test_steps_after_the_last_stay_at_the_end():
    schedule = OneCycle(peak=0.005, steps=10)
    assert float(schedule(1000)) == pytest.approx(float(schedule(9)))


def test_optimizer_restores_the_schedule_from_its_config():
    optimizer = keras.optimizers.AdamW(OneCycle(0.01, 50, 0.3))
    restored = keras.optimizers.AdamW.from_config(optimizer.get_config())
    assert float(restored.learning_rate) == pytest.approx(0.01 / 25)
