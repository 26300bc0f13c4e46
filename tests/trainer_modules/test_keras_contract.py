"""What our optimizer demands of Keras beyond its public interface, checked against the one that is installed."""

import ast
import inspect
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from ulmfit_tfx.trainer_modules.optimization import optimizers
from ulmfit_tfx.trainer_modules.optimization.optimizers import ScheduledAdamW

NAMES = {"_get_variable_index": ["variable"], "_all_reduce_sum_gradients": ["grads_and_vars"]}
"""The names with an underscore that are Keras' own, and what they take."""


class Recording(keras.optimizers.Optimizer):
    """Notes what Keras calls, in its order."""

    def __init__(self):
        super().__init__(0.5, global_clipnorm=1.0)
        self.calls = []

    @property
    def learning_rate(self):
        self.calls.append("learning_rate")
        return super().learning_rate * 2

    def apply(self, grads, trainable_variables=None):
        self.calls.append(("apply", len(grads)))
        super().apply(grads, trainable_variables)

    def _all_reduce_sum_gradients(self, grads_and_vars):
        self.calls.append(("sum", [gradient.numpy().tolist() for gradient, _ in grads_and_vars]))
        return grads_and_vars

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        self.calls.append(("update", index, gradient.numpy().tolist(), float(learning_rate)))


@pytest.fixture
def variables():
    return [keras.Variable(np.ones(2, "float32"), name="same") for _ in range(3)]


def test_no_other_name_with_an_underscore_is_keras_own():
    tree = ast.parse(inspect.getsource(optimizers))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr.startswith("_")}
    assert {name for name in used if not name.startswith("__")} <= NAMES.keys()
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    of_keras = {name for name in defined if name.startswith("_") and hasattr(keras.optimizers.AdamW, name)}
    assert of_keras - {"__init__"} <= NAMES.keys()


@pytest.mark.parametrize("name", NAMES)
def test_name_is_there_and_takes_what_it_took(name):
    parameters = inspect.signature(getattr(keras.optimizers.Optimizer, name)).parameters
    assert list(parameters) == ["self", *NAMES[name]]


def test_own_names_are_none_of_keras_optimizer():
    optimizer = keras.optimizers.Adam()
    for name in ("decay", "factors", "moments", "beta_1_products", "beta_2_products", "adam", "rate_scale"):
        assert not hasattr(optimizer, name)


def test_keras_clips_then_sums_then_updates_each_variable_at_the_rate_that_it_asked_for_once(variables):
    optimizer = Recording()
    optimizer.build(variables)
    optimizer.calls.clear()
    gradients = [tf.constant([3.0, 0.0]), tf.constant([0.0, 4.0])]
    optimizer.apply_gradients(zip(gradients, variables[1:], strict=True))
    clipped = [pytest.approx([0.6, 0.0]), pytest.approx([0.0, 0.8])]
    assert optimizer.calls == [
        ("apply", 2),
        "learning_rate",
        ("sum", clipped),
        ("update", 1, clipped[0], 1.0),
        ("update", 2, clipped[1], 1.0),
    ]
    assert int(optimizer.iterations) == 1


def test_index_of_a_variable_is_its_place_in_what_the_optimizer_was_built_for(variables):
    optimizer = ScheduledAdamW(0.1)
    optimizer.build(variables)
    for index, variable in enumerate(variables):
        assert optimizer._get_variable_index(variable) == index
        assert optimizer._get_variable_index(variable.value) == index


def test_keras_applies_no_decay_of_its_own(variables):
    optimizer = ScheduledAdamW(0.5, weight_decay=0.1)
    optimizer.build(variables)
    optimizer.apply([tf.zeros(2)], variables[:1])
    np.testing.assert_allclose(variables[0], 1 - 0.5 * 0.1, rtol=1e-6)


def test_variables_are_saved_in_a_known_order(variables):
    optimizer = ScheduledAdamW(0.1)
    optimizer.build(variables[:2])
    kinds = [re.split("[/_]", variable.path)[-1] for variable in optimizer.variables]
    moments = ["momentum", "velocity"] * 2
    assert kinds == ["iteration", "rate", *moments, *["product"] * 4]
