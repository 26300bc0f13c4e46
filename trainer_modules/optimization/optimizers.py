"""Optimizers: AdamW with a momentum that varies, and the optimizer that a configuration asks for."""

from typing import Any

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from ulmfit_tfx.schemas.config import TrainingConfig
from ulmfit_tfx.trainer_modules.optimization.schedules import OneCycle, OneCycleMomentum, SlantedTriangular


@keras.saving.register_keras_serializable("ulmfit_tfx")
class ScheduledAdamW(keras.optimizers.AdamW):
    """AdamW (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101) whose `beta_1` is a function of the step.

    Keras reads a number in `beta_1` when it traces the training step: what a callback sets there later has no effect.

    With a `beta_1` that varies, the first moment is a sum of gradients whose weights add up to 1 - prod(beta_1[1..t]).
    It is divided by that, which makes it a mean, and is Adam's own 1 - beta_1^t where `beta_1` is constant. fastai
    divides by 1 - beta_1[t]^t, as if every step had had the last one's: too much while `beta_1` falls. The product is
    part of the optimizer's state, and so of its checkpoints.
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule,
        beta_1: LearningRateSchedule,
        weight_decay: float = 0.004,
        name: str = "scheduled_adamw",
        **kwargs: Any,
    ):
        """Creates the optimizer.

        Args:
            learning_rate: A number or a schedule.
            beta_1: Momentum at a step, counted from 0.
            weight_decay: Decoupled.
            name: Of the optimizer.
            **kwargs: Of `keras.optimizers.AdamW`, but for `amsgrad`.
        """
        super().__init__(learning_rate, weight_decay=weight_decay, name=name, **kwargs)
        if self.amsgrad:
            raise ValueError("amsgrad is True, expected False: it is not implemented with a beta_1 that varies")
        self.beta_1 = beta_1

    def build(self, var_list):
        """Creates AdamW's variables and the product of all `beta_1` so far, float32 []."""
        if self.built:
            return
        super().build(var_list)
        self.beta_1_product = self.add_variable(
            (), "ones", "float32", aggregation="only_first_replica", name="beta_1_product"
        )

    def update_step(self, gradient, variable, learning_rate):
        """Updates a variable and its moments from its gradient."""
        dtype, index = variable.dtype, self._get_variable_index(variable)
        momentum, velocity = self._momentums[index], self._velocities[index]
        gradient = ops.cast(gradient, dtype)
        beta_1, product = ops.cast(self._beta_1_now(), dtype), ops.cast(self.beta_1_product, dtype)
        beta_2_power = ops.power(ops.cast(self.beta_2, dtype), ops.cast(self.iterations + 1, dtype))
        rate = ops.cast(learning_rate, dtype) * ops.sqrt(1 - beta_2_power) / (1 - product)
        # `ops` and not operators: an embedding's gradient is sparse.
        self.assign_add(momentum, ops.multiply(ops.subtract(gradient, momentum), 1 - beta_1))
        self.assign_add(velocity, ops.multiply(ops.subtract(ops.square(gradient), velocity), 1 - self.beta_2))
        self.assign_sub(variable, ops.divide(ops.multiply(momentum, rate), ops.add(ops.sqrt(velocity), self.epsilon)))

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        """Keras' hook around the updates of a step: the product changes once a step, not once a variable."""
        self.assign(self.beta_1_product, self.beta_1_product * self._beta_1_now())
        super()._backend_update_step(grads, trainable_variables, learning_rate)

    def _beta_1_now(self):
        return self.beta_1(self._iterations)  # the counter that Keras gives the schedule of the learning rate

    def get_config(self):
        """Constructor arguments."""
        return super().get_config() | {"beta_1": keras.optimizers.schedules.serialize(self.beta_1)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Creates the optimizer from `get_config`."""
        beta_1 = keras.optimizers.schedules.deserialize(config["beta_1"], custom_objects=custom_objects)
        return super().from_config(config | {"beta_1": beta_1}, custom_objects)


def optimizer_for(config: TrainingConfig, steps: int) -> keras.optimizers.Optimizer:
    """The optimizer that a configuration asks for.

    Args:
        config: Schedule, rates, weight decay and clipping.
        steps: Steps of the whole training.

    Returns:
        AdamW with the schedule of `config.schedule`.
    """
    peak, warm_up = config.learning_rate, config.warm_up_share
    options: dict[str, Any] = {"weight_decay": config.weight_decay, "global_clipnorm": config.gradient_clip_norm}
    if config.schedule == "constant":
        return keras.optimizers.AdamW(peak, **options)
    if config.schedule == "slanted_triangular":
        return keras.optimizers.AdamW(SlantedTriangular(peak, steps, warm_up), **options)
    if config.momentum is None:
        return keras.optimizers.AdamW(OneCycle(peak, steps, warm_up), **options)
    momentum = OneCycleMomentum(steps, *config.momentum, warm_up)
    return ScheduledAdamW(OneCycle(peak, steps, warm_up), momentum, **options)
