"""Optimizers: AdamW whose momentum varies and whose rate differs by layer, and the one a configuration asks for."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from ulmfit_tfx.schemas.config.optimization import OptimizationConfig
from ulmfit_tfx.trainer_modules.optimization.schedules import OneCycle, OneCycleMomentum, SlantedTriangular

_SAME_RATE: Mapping[str, float] = MappingProxyType({})


@keras.saving.register_keras_serializable("ulmfit_tfx")
class ScheduledAdamW(keras.optimizers.Optimizer):
    """AdamW (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101) with what language models need of it.

    - `beta_1` may be a function of the step. Keras reads a number there when it traces the training step: what a
      callback sets later has no effect.
    - Each variable may have a rate of its own, a multiple of the learning rate (the discriminative rates of Howard and
      Ruder 2018, https://arxiv.org/abs/1801.06146, section 3.2); its decay is multiplied with it.
    - A variable's moments are corrected for the updates that it had, as in PyTorch, not for the steps of the training:
      one that was frozen at first starts like any other, where Keras would take steps three times too long.
    - The gradients of all replicas are summed and then clipped. Keras clips each replica's before it sums them.
    - A sparse gradient is made dense, in which a row that occurs twice is the sum of both. Keras squares them apart, in
      the second moment and in the norm for clipping.

    With a `beta_1` that varies, the first moment is a sum of gradients whose weights add up to 1 - prod(beta_1[1..t]).
    It is divided by that, which makes it a mean, and is Adam's own 1 - beta_1^t where `beta_1` is constant. fastai
    divides by 1 - beta_1[t]^t, as if every step had had the last one's: too much while `beta_1` falls. The products are
    part of the optimizer's state, and so of its checkpoints. `epsilon` is added to the corrected root of the second
    moment: the epsilon of algorithm 1 of Adam's paper, PyTorch and fastai, not Keras' "epsilon hat".
    """

    rate_scale: Any = None
    """Factor of the rate of the steps that are traced while it is set: a number, or a tensor of the graph."""

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule,
        beta_1: float | LearningRateSchedule = 0.9,
        weight_decay: float = 0.004,
        rate_factors: Mapping[str, float] = _SAME_RATE,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        name: str = "scheduled_adamw",
        **kwargs: Any,
    ):
        """Creates the optimizer.

        Args:
            learning_rate: A number, which can be set to another later, or a schedule.
            beta_1: Momentum, or a schedule of it by steps counted from 0.
            weight_decay: Decoupled.
            rate_factors: By a variable's path, by what to multiply its learning rate and decay. Missing: 1.
            beta_2: Of the second moment.
            epsilon: Added to its root.
            name: Of the optimizer.
            **kwargs: Of `keras.optimizers.Optimizer`, but for `gradient_accumulation_steps`.

        Raises:
            ValueError: That one is set, or `amsgrad`.
        """
        for unsupported in ("amsgrad", "gradient_accumulation_steps"):
            if value := kwargs.pop(unsupported, None):
                raise ValueError(f"{unsupported} is {value}, expected it unset: it is not implemented here")
        super().__init__(learning_rate, name=name, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.decay = weight_decay  # not `weight_decay`, which Keras would apply itself, at one rate for all
        self.rate_factors = dict(rate_factors)

    @property
    def learning_rate(self):
        """Of the step, times `rate_scale`: Keras asks for it once a step."""
        rate = super().learning_rate
        return rate if self.rate_scale is None else rate * self.rate_scale

    @learning_rate.setter
    def learning_rate(self, value):
        keras.optimizers.Optimizer.learning_rate.fset(self, value)

    def build(self, var_list):
        """Creates for each variable its moments and the products of its `beta_1` and `beta_2` so far, float32 [].

        Raises:
            ValueError: `rate_factors` has a path that no variable has.
        """
        if self.built:
            return
        paths = [variable.path for variable in var_list]
        if unknown := sorted(set(self.rate_factors) - set(paths)):
            raise ValueError(f"rate_factors has {unknown}, expected paths of the variables to train: {sorted(paths)}")
        super().build(var_list)
        self.factors = [self.rate_factors.get(path, 1.0) for path in paths]
        self.moments = [
            tuple(self.add_variable_from_reference(variable, name=name) for name in ("momentum", "velocity"))
            for variable in var_list
        ]
        self.beta_1_products, self.beta_2_products = (
            [self.add_variable((), "ones", "float32", name=f"{name}_product") for _ in var_list]
            for name in ("beta_1", "beta_2")
        )

    def apply(self, grads, trainable_variables=None):
        """Updates variables from gradients, which are summed over the replicas before Keras clips them."""
        super().apply(_summed([_dense(gradient) for gradient in grads]), trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        """Updates a variable, its moments and products from its gradient."""
        dtype, index = variable.dtype, self._get_variable_index(variable)
        gradient = ops.cast(gradient, dtype)
        beta_1 = self.beta_1(self.iterations) if callable(self.beta_1) else self.beta_1
        beta_1 = ops.cast(beta_1, "float32")
        products = self.beta_1_products[index], self.beta_2_products[index]
        for product, beta in zip(products, (beta_1, self.beta_2), strict=True):
            self.assign(product, product * beta)
        mean_share, square_share = (ops.cast(1 - product, dtype) for product in products)
        rate = ops.cast(learning_rate, dtype) * self.factors[index]
        if self.decay:
            self.assign_sub(variable, (rate * self.decay) * variable)
        # Both corrections in the rate and in epsilon, which are numbers, and not in the moments.
        root = ops.sqrt(square_share)
        adam = _adam_in_one_pass if keras.backend.backend() == "tensorflow" else self.adam
        momentum, velocity = self.moments[index]
        rate, beta_1 = rate * root / mean_share, ops.cast(beta_1, dtype)
        adam(variable, momentum, velocity, gradient, rate, beta_1, self.beta_2, root * self.epsilon)

    def adam(self, variable, momentum, velocity, gradient, rate, beta_1, beta_2, epsilon):
        """Adam's step, in operations of any backend."""
        self.assign_add(momentum, (gradient - momentum) * (1 - beta_1))
        self.assign_add(velocity, (ops.square(gradient) - velocity) * (1 - beta_2))
        self.assign_sub(variable, rate * momentum / (ops.sqrt(velocity) + epsilon))

    def _all_reduce_sum_gradients(self, grads_and_vars):
        """Keras' hook after clipping: the gradients are summed already."""
        return grads_and_vars

    def get_config(self):
        """Constructor arguments."""
        beta_1 = keras.optimizers.schedules.serialize(self.beta_1) if callable(self.beta_1) else self.beta_1
        own = {"beta_1": beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon, "weight_decay": self.decay}
        return super().get_config() | own | {"rate_factors": dict(self.rate_factors)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Creates the optimizer from `get_config`."""
        beta_1 = config["beta_1"]
        if isinstance(beta_1, dict):
            beta_1 = keras.optimizers.schedules.deserialize(beta_1, custom_objects=custom_objects)
        return super().from_config(config | {"beta_1": beta_1}, custom_objects)


@keras.saving.register_keras_serializable("ulmfit_tfx")
class ReplicaLossScale(keras.optimizers.LossScaleOptimizer):
    """Dynamic loss scaling for float16 that skips a step when the gradients of any replica are not finite.

    Keras asks the first replica only, and the infinities of another one reach the weights.
    """

    def check_finite(self, grads):
        """Whether the gradients of all replicas are finite: bool []."""
        infinite = ops.cast(ops.logical_not(super().check_finite([_dense(g) for g in grads if g is not None])), "int32")
        return ops.equal(_summed([infinite])[0], 0)


def optimizer_for(
    config: OptimizationConfig, steps: int, rate_factors: Mapping[str, float] = _SAME_RATE
) -> keras.optimizers.Optimizer:
    """The optimizer that a configuration asks for.

    Args:
        config: Schedule, rates, Adam's constants, weight decay and clipping.
        steps: Steps of the whole training.
        rate_factors: See `ScheduledAdamW`.

    Returns:
        AdamW with the schedule of `config.schedule`, whose `learning_rate` can be set where that is `constant`; with
        loss scaling where Keras' dtype policy is `mixed_float16`.
    """
    peak, warm_up = config.learning_rate, config.warm_up_share
    rate: float | LearningRateSchedule = peak
    momentum: float | LearningRateSchedule = 0.9
    if config.schedule == "slanted_triangular":
        rate = SlantedTriangular(peak, steps, warm_up)
    elif config.schedule == "one_cycle":
        rate = OneCycle(peak, steps, warm_up)
        if config.momentum is not None:
            momentum = OneCycleMomentum(steps, *config.momentum, warm_up)
    optimizer = ScheduledAdamW(
        rate,
        momentum,
        config.weight_decay,
        rate_factors,
        beta_2=config.beta_2,
        epsilon=config.epsilon,
        global_clipnorm=config.gradient_clip_norm,
    )
    if keras.config.dtype_policy().name == "mixed_float16":
        return ReplicaLossScale(optimizer)
    return optimizer


def _adam_in_one_pass(variable, momentum, velocity, gradient, rate, beta_1, beta_2, epsilon):
    """`ScheduledAdamW.adam` as the one TensorFlow operation that reads and writes each number once."""
    import tensorflow as tf

    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=momentum.value.handle,
        v=velocity.value.handle,
        beta1_power=tf.zeros((), variable.dtype),  # the rate is corrected already
        beta2_power=tf.zeros((), variable.dtype),
        lr=rate,
        beta1=beta_1,
        beta2=tf.constant(beta_2, variable.dtype),
        epsilon=epsilon,
        grad=gradient,
    )


def _summed(tensors):
    """Tensors, each summed over the replicas where there are some; None stays None."""
    if keras.backend.backend() != "tensorflow":
        return tensors
    import tensorflow as tf

    replica = tf.distribute.get_replica_context()
    if replica is None:
        return tensors
    sums = iter(replica.all_reduce(tf.distribute.ReduceOp.SUM, [tensor for tensor in tensors if tensor is not None]))
    return [None if tensor is None else next(sums) for tensor in tensors]


def _dense(gradient):
    """A gradient as a tensor; that of an embedding comes as a list of rows."""
    if not hasattr(gradient, "dense_shape"):
        return gradient
    import tensorflow as tf  # only its gradients are sparse, and other backends do without it

    return tf.convert_to_tensor(gradient)
