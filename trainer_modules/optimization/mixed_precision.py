"""The floating-point type of the layers' products."""

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf


@contextlib.contextmanager
def mixed_precision(setting: str) -> Iterator[None]:
    """Layers made inside compute in 16 bits and keep their weights in 32.

    Keras' policy is global, and the stages of a local run share a process: here it ends with the block.

    Args:
        setting: `OptimizationConfig.mixed_precision`.
    """
    before = keras.config.dtype_policy()
    if setting == "auto":
        setting = "float16" if tf.config.list_physical_devices("GPU") else "off"
    keras.config.set_dtype_policy("float32" if setting == "off" else f"mixed_{setting}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
