import keras
import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from ulmfit_tfx.schemas.config import TrainingConfig
from ulmfit_tfx.trainer_modules.optimization.optimizers import ScheduledAdamW, optimizer_for
from ulmfit_tfx.trainer_modules.optimization.schedules import OneCycle, OneCycleMomentum, SlantedTriangular

STEPS = 20
RNG = np.random.default_rng(0)
GRADIENTS = RNG.normal(size=(STEPS, 3))


def slow_adamw(weights, gradients, rates, momenta, weight_decay, beta_2=0.999, epsilon=1e-7):
    """AdamW in float64, the mean of the gradients taken anew at each step from the weight each has in it."""
    velocity = np.zeros_like(weights)
    for step, (gradient, rate) in enumerate(zip(gradients, rates, strict=True)):
        shares = [(1 - momenta[past]) * np.prod(momenta[past + 1 : step + 1]) for past in range(step + 1)]
        mean = np.average(gradients[: step + 1], axis=0, weights=shares)
        velocity = beta_2 * velocity + (1 - beta_2) * gradient**2
        root = np.sqrt(1 - beta_2 ** (step + 1))
        weights = weights - rate * weight_decay * weights - rate * root * mean / (np.sqrt(velocity) + epsilon)
    return weights


def optimizer_of(momentum=None):
    return ScheduledAdamW(OneCycle(0.1, STEPS), momentum or OneCycleMomentum(STEPS), weight_decay=0.1)


def weights_after(optimizer, gradients=GRADIENTS):
    """Applies gradients to weights of 1 in one traced function, as Keras' `fit` does."""
    variable = keras.Variable(np.ones(3, "float32"))
    optimizer.build([variable])
    apply = tf.function(lambda gradient: optimizer.apply([gradient], [variable]))
    for gradient in gradients:
        apply(tf.constant(gradient, tf.float32))
    return variable.numpy()


def values(schedule):
    return [float(schedule(step)) for step in range(STEPS)]


def model_with(optimizer):
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((2,), dtype="int32"), keras.layers.Embedding(9, 4), keras.layers.Flatten()])
    model.add(keras.layers.Dense(1))
    model.compile(optimizer, "mse")
    optimizer.build(model.trainable_variables)
    return model


@pytest.mark.parametrize("steps", [1, 2, 7, STEPS])
def test_weights_equal_those_of_adamw_in_float64_with_the_schedules_momentum(steps):
    optimizer = optimizer_of()
    rates, momenta = values(OneCycle(0.1, STEPS))[:steps], values(OneCycleMomentum(STEPS))[:steps]
    expected = slow_adamw(np.ones(3), GRADIENTS[:steps], rates, momenta, weight_decay=0.1)
    np.testing.assert_allclose(weights_after(optimizer, GRADIENTS[:steps]), expected, rtol=1e-4)


def test_momentum_that_varies_makes_a_difference():
    constant = optimizer_of(OneCycleMomentum(STEPS, 0.9, 0.9))
    assert not np.allclose(weights_after(optimizer_of()), weights_after(constant), rtol=1e-2)


def test_momentum_that_does_not_vary_gives_keras_own_adamw():
    scheduled = weights_after(optimizer_of(OneCycleMomentum(STEPS, 0.9, 0.9)))
    keras_own = weights_after(keras.optimizers.AdamW(OneCycle(0.1, STEPS), weight_decay=0.1))
    np.testing.assert_allclose(scheduled, keras_own, rtol=1e-4)


def test_momentum_reaches_sparse_gradients_of_an_embedding():
    ids, targets = RNG.integers(0, 9, (24, 2)), RNG.normal(size=(24, 1))
    scheduled = model_with(optimizer_of(OneCycleMomentum(STEPS, 0.9, 0.9)))
    keras_own = model_with(keras.optimizers.AdamW(OneCycle(0.1, STEPS), weight_decay=0.1))
    for model in (scheduled, keras_own):
        model.fit(ids, targets, batch_size=4, shuffle=False, verbose=0)
    for weight, expected in zip(scheduled.get_weights(), keras_own.get_weights(), strict=True):
        np.testing.assert_allclose(weight, expected, rtol=1e-3, atol=1e-5)


def test_training_resumed_from_saved_weights_goes_on_as_if_unbroken(tmp_path):
    ids, targets = RNG.integers(0, 9, (64, 2)), RNG.normal(size=(64, 1))

    def train(model, begin, end):
        model.fit(ids[begin:end], targets[begin:end], batch_size=4, shuffle=False, verbose=0)
        return model

    unbroken = train(model_with(optimizer_of()), 0, 64)
    train(model_with(optimizer_of()), 0, 24).save_weights(tmp_path / "latest.weights.h5")
    resumed = model_with(optimizer_of())
    resumed.load_weights(tmp_path / "latest.weights.h5")
    train(resumed, 24, 64)
    assert int(resumed.optimizer.iterations) == 16
    for weight, expected in zip(resumed.get_weights(), unbroken.get_weights(), strict=True):
        np.testing.assert_allclose(weight, expected, atol=1e-6)


def test_saved_model_has_its_optimizer_again(tmp_path):
    model = model_with(optimizer_of())
    model.save(tmp_path / "model.keras")
    optimizer = keras.models.load_model(tmp_path / "model.keras").optimizer
    assert optimizer.get_config() == model.optimizer.get_config()
    np.testing.assert_array_equal(
        weights_after(optimizer_of()), weights_after(type(optimizer).from_config(optimizer.get_config()))
    )


def test_amsgrad_is_refused():
    with pytest.raises(ValueError, match="amsgrad is True, expected False"):
        ScheduledAdamW(0.1, OneCycleMomentum(STEPS), amsgrad=True)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, OneCycle(3e-3, 100, 0.25)),
        ({"warm_up": 0.4}, OneCycle(3e-3, 100, 0.4)),
        ({"schedule": "slanted_triangular"}, SlantedTriangular(3e-3, 100, 0.1)),
        ({"schedule": "slanted_triangular", "warm_up": 0.4}, SlantedTriangular(3e-3, 100, 0.4)),
    ],
)
def test_configuration_names_the_schedule(settings, expected):
    optimizer = optimizer_for(TrainingConfig(momentum=None, **settings), 100)
    schedule = keras.optimizers.schedules.deserialize(optimizer.get_config()["learning_rate"])
    assert type(optimizer) is keras.optimizers.AdamW
    assert type(schedule) is type(expected)
    assert schedule.get_config() == expected.get_config()


def test_constant_rate_has_no_schedule():
    config = optimizer_for(TrainingConfig(schedule="constant", learning_rate=0.02), 100).get_config()
    assert config["learning_rate"] == pytest.approx(0.02)


def test_weight_decay_and_clipping_are_those_of_the_configuration():
    config = optimizer_for(TrainingConfig(weight_decay=0.03, gradient_clip_norm=None), 100).get_config()
    assert (config["weight_decay"], config["global_clipnorm"]) == (0.03, None)


def test_momentum_of_the_configuration_turns_where_the_rate_does():
    optimizer = optimizer_for(TrainingConfig(momentum=(0.95, 0.85), warm_up=0.5), 101)
    assert [float(optimizer.beta_1(step)) for step in (0, 50, 100)] == pytest.approx([0.95, 0.85, 0.95])
    assert optimizer.get_config()["weight_decay"] == TrainingConfig().weight_decay


@pytest.mark.parametrize("schedule", ["constant", "slanted_triangular"])
def test_momentum_varies_in_one_cycle_only(schedule):
    assert optimizer_for(TrainingConfig(schedule=schedule, momentum=(0.95, 0.85)), 100).beta_1 == 0.9


@pytest.mark.parametrize("momentum", [(0.85, 0.95), (1.0, 0.85), (0.95,), (0.9, -0.1)])
def test_momentum_out_of_order_or_of_bounds_is_refused(momentum):
    with pytest.raises(ValidationError, match="momentum"):
        TrainingConfig(momentum=momentum)
