import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from ulmfit_tfx.schemas.config.language_model import LanguageModelConfig
from ulmfit_tfx.schemas.config.training import TrainingConfig
from ulmfit_tfx.trainer_modules.optimization.optimizers import ReplicaLossScale, ScheduledAdamW, optimizer_for
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
        root = np.sqrt(velocity / (1 - beta_2 ** (step + 1)))
        weights = weights - rate * weight_decay * weights - rate * mean / (root + epsilon)
    return weights


def optimizer_of(momentum=None):
    return ScheduledAdamW(OneCycle(0.1, STEPS), momentum or OneCycleMomentum(STEPS), weight_decay=0.1)


def variable_named(name):
    return keras.Variable(np.ones(3, "float32"), name=name)


def weights_after(optimizer, gradients=GRADIENTS):
    """Applies gradients to weights of 1 in one traced function, as Keras' `fit` does."""
    variable = variable_named("weights")
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


@pytest.mark.parametrize("epsilon", [1e-7, 0.5])
def test_constants_are_those_of_adams_paper(epsilon):
    optimizer = ScheduledAdamW(0.1, 0.8, 0.1, beta_2=0.95, epsilon=epsilon)
    expected = slow_adamw(np.ones(3), GRADIENTS, [0.1] * STEPS, [0.8] * STEPS, 0.1, beta_2=0.95, epsilon=epsilon)
    np.testing.assert_allclose(weights_after(optimizer), expected, rtol=1e-5)


def test_other_backends_than_tensorflow_compute_the_same(monkeypatch):
    in_one_pass = weights_after(optimizer_of())
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr("ulmfit_tfx.trainer_modules.optimization.optimizers._adam_in_one_pass", None)
    np.testing.assert_allclose(weights_after(optimizer_of()), in_one_pass, rtol=1e-5)


def test_factor_multiplies_rate_and_decay_of_its_variable_alone():
    optimizer = ScheduledAdamW(OneCycle(0.1, STEPS), weight_decay=0.1, rate_factors={"low": 0.25})
    low, high = variable_named("low"), variable_named("high")
    optimizer.build([low, high])
    for gradient in GRADIENTS:
        optimizer.apply([tf.constant(gradient, tf.float32)] * 2, [low, high])
    rates, momenta = np.array(values(OneCycle(0.1, STEPS))), [0.9] * STEPS
    for variable, factor in ((low, 0.25), (high, 1)):
        expected = slow_adamw(np.ones(3), GRADIENTS, rates * factor, momenta, weight_decay=0.1)
        np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-5)


def test_factor_of_no_variable_is_refused():
    optimizer = ScheduledAdamW(0.1, rate_factors={"lwo": 0.25, "high": 0.5})
    with pytest.raises(ValueError, match=r"rate_factors has \['lwo'\], expected .*\['high', 'low'\]"):
        optimizer.build([variable_named("low"), variable_named("high")])


def test_frozen_variable_stays_as_it_is_and_later_starts_like_any_other():
    optimizer = ScheduledAdamW(0.1, weight_decay=0.1)
    frozen, trained = variable_named("frozen"), variable_named("trained")
    optimizer.build([frozen, trained])
    gradients = [tf.constant(gradient, tf.float32) for gradient in GRADIENTS]
    for gradient in gradients[:5]:
        optimizer.apply([gradient], [trained])
    np.testing.assert_array_equal(frozen.numpy(), 1)
    for gradient in gradients[5:]:
        optimizer.apply([gradient] * 2, [frozen, trained])
    expected = slow_adamw(np.ones(3), GRADIENTS[5:], [0.1] * (STEPS - 5), [0.9] * (STEPS - 5), weight_decay=0.1)
    np.testing.assert_allclose(frozen.numpy(), expected, rtol=1e-5)


def test_sparse_gradient_is_the_dense_one_though_rows_occur_twice():
    table = keras.Variable(np.ones((4, 3), "float32"))
    optimizer = ScheduledAdamW(0.1, 0.9, 0.1, epsilon=0.5, global_clipnorm=0.7)
    optimizer.build([table])
    ids, dense = np.array([2, 0, 2]), np.zeros((STEPS, 4, 3))
    for step in range(STEPS):
        rows = np.stack([GRADIENTS[step], GRADIENTS[0], GRADIENTS[step - 1]])
        np.add.at(dense[step], ids, rows)
        optimizer.apply([tf.IndexedSlices(tf.constant(rows, tf.float32), ids, (4, 3))], [table])
    norms = np.sqrt(np.square(dense).sum((1, 2), keepdims=True))
    clipped = dense * np.minimum(1, 0.7 / norms)
    expected = slow_adamw(np.ones((4, 3)), clipped, [0.1] * STEPS, [0.9] * STEPS, 0.1, epsilon=0.5)
    np.testing.assert_allclose(table.numpy(), expected, rtol=1e-5)


def test_rate_is_set_without_tracing_again():
    optimizer, variable, traces = optimizer_for(TrainingConfig(schedule="constant"), 10), variable_named("weights"), []
    optimizer.build([variable])

    @tf.function
    def apply(gradient):
        traces.append(None)
        optimizer.apply([gradient], [variable])

    rates = [0.01, 0.1, 0.3]
    for rate, gradient in zip(rates, GRADIENTS, strict=False):
        optimizer.learning_rate = rate
        assert float(optimizer.learning_rate) == pytest.approx(rate)
        apply(tf.constant(gradient / np.linalg.norm(gradient) / 2, tf.float32))
    halves = GRADIENTS[:3] / np.linalg.norm(GRADIENTS[:3], axis=1, keepdims=True) / 2
    expected = slow_adamw(np.ones(3), halves, rates, [0.9] * 3, weight_decay=TrainingConfig().weight_decay)
    np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-5)
    assert len(traces) == 1


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


def test_factors_and_constant_momentum_are_part_of_the_configuration():
    config = ScheduledAdamW(0.1, 0.8, rate_factors={"low": 0.25}).get_config()
    again = ScheduledAdamW.from_config(config)
    assert (again.beta_1, again.rate_factors) == (0.8, {"low": 0.25})


@pytest.mark.parametrize(("option", "value"), [("amsgrad", True), ("gradient_accumulation_steps", 2)])
def test_what_is_not_implemented_is_refused(option, value):
    with pytest.raises(ValueError, match=f"{option} is {value}, expected it unset"):
        ScheduledAdamW(0.1, **{option: value})


@pytest.fixture(scope="module")
def of_replicas(tmp_path_factory):
    """Weights, steps and loss scale after trainings on one and on two replicas, by the name of the training."""
    output = tmp_path_factory.mktemp("replicas") / "weights.npz"
    script = Path(__file__).with_name("replica_training.py")
    ended = subprocess.run([sys.executable, script, output], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    results = {}
    with np.load(output) as arrays:
        for name, array in arrays.items():
            results.setdefault(name.rpartition("_")[0], []).append(array)
    return results


@pytest.mark.parametrize(("prefix", "tolerance"), [("", 1e-6), ("half_", 2e-5)])
def test_two_replicas_train_as_one_with_the_whole_batch(of_replicas, prefix, tolerance):
    whole, shared = of_replicas[f"{prefix}whole"], of_replicas[f"{prefix}shared"]
    assert int(shared[3]) == 6
    for array, expected in zip(shared, whole, strict=True):
        np.testing.assert_allclose(array, expected, atol=tolerance)


def test_step_is_skipped_when_the_second_replica_overflows(of_replicas):
    *weights, steps, scale = of_replicas["half_overflow"]
    _, _, _, whole_steps, whole_scale = of_replicas["half_whole"]
    assert (int(steps), float(scale)) == (int(whole_steps) - 1, float(whole_scale) / 2)
    assert all(np.isfinite(weight).all() for weight in weights)


def test_loss_is_scaled_where_layers_compute_in_float16():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        optimizer = optimizer_for(TrainingConfig(learning_rate=0.02, schedule="constant"), 10)
    finally:
        keras.config.set_dtype_policy("float32")
    assert isinstance(optimizer, ReplicaLossScale)
    assert float(optimizer.learning_rate) == pytest.approx(0.02)
    assert isinstance(type(optimizer).from_config(optimizer.get_config()).inner_optimizer, ScheduledAdamW)


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
    assert type(schedule) is type(expected)
    assert schedule.get_config() == expected.get_config()


def test_constant_rate_has_no_schedule():
    config = optimizer_for(TrainingConfig(schedule="constant", learning_rate=0.02), 100).get_config()
    assert config["learning_rate"] == pytest.approx(0.02)


def test_adams_constants_are_those_of_the_configuration():
    config = optimizer_for(LanguageModelConfig(beta_2=0.97, epsilon=1e-4), 100, {"low": 0.5}).get_config()
    assert (config["beta_2"], config["epsilon"], config["rate_factors"]) == (0.97, 1e-4, {"low": 0.5})


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
