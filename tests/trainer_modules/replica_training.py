"""Run as a process of its own: trains on one and on two logical CPUs and writes the weights.

    python replica_training.py OUTPUT

Logical devices can be configured only before TensorFlow has started.
"""

import sys

import numpy as np
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

import keras  # noqa: E402

from ulmfit_tfx.schemas.config.training import TrainingConfig  # noqa: E402
from ulmfit_tfx.trainer_modules.optimization.optimizers import optimizer_for  # noqa: E402

STEPS, ROWS = 6, 8
RNG = np.random.default_rng(0)
IDS = RNG.integers(0, 9, (STEPS, ROWS, 2)).astype("int32")
# Later rows have larger errors, so that the norms of the replicas' gradients differ.
TARGETS = RNG.normal(size=(STEPS, ROWS, 1)).astype("float32") * np.linspace(0.05, 0.5, ROWS, dtype="float32")[:, None]


def train(replicas: int, overflowing: int | None = None) -> list[np.ndarray]:
    """Trains on the mean of the rows, of which each replica has its part.

    Args:
        replicas: How many.
        overflowing: The gradients of this replica are infinite in the third step.

    Returns:
        Weights after all steps, steps that the optimizer took, and the scale of the loss, if it is scaled.
    """
    strategy = tf.distribute.MirroredStrategy([f"CPU:{index}" for index in range(replicas)])
    with strategy.scope():
        keras.utils.set_random_seed(3)
        layers = [keras.layers.Embedding(9, 4, name="embedding"), keras.layers.Flatten(), keras.layers.Dense(1)]
        model = keras.Sequential([keras.Input((2,), dtype="int32"), *layers], name="model")
        # Adam's steps depend on the gradient's length where epsilon is large.
        config = TrainingConfig(learning_rate=0.1, momentum=(0.95, 0.85), gradient_clip_norm=0.05, epsilon=0.1)
        optimizer = optimizer_for(config, STEPS, {"model/embedding/embeddings": 0.5})
        optimizer.build(model.trainable_variables)

    def step_of_replica(ids, targets, factor):
        with tf.GradientTape() as tape:
            errors = tf.cast(model(ids), "float32") - targets
            loss = optimizer.scale_loss(tf.reduce_sum(errors**2) / ROWS * factor)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    @tf.function
    def step(ids, targets, factor):
        strategy.run(step_of_replica, (ids, targets, factor))

    for number, (ids, targets) in enumerate(zip(IDS, TARGETS, strict=True)):
        is_overflowing = [number == 2 and replica == overflowing for replica in range(replicas)]
        step(
            of_each_replica(strategy, np.split(ids, replicas)),
            of_each_replica(strategy, np.split(targets, replicas)),
            of_each_replica(strategy, [np.float32(np.inf if overflows else 1) for overflows in is_overflowing]),
        )
    scale = [optimizer.dynamic_scale.numpy()] if hasattr(optimizer, "dynamic_scale") else []
    return [*model.get_weights(), optimizer.iterations.numpy(), *scale]


def of_each_replica(strategy, values):
    return strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(values[context.replica_id_in_sync_group])
    )


if __name__ == "__main__":
    results = {"whole": train(1), "shared": train(2)}
    keras.config.set_dtype_policy("mixed_float16")
    results |= {"half_whole": train(1), "half_shared": train(2), "half_overflow": train(2, overflowing=1)}
    np.savez(
        sys.argv[1], **{f"{name}_{index}": value for name, run in results.items() for index, value in enumerate(run)}
    )
