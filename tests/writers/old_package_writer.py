"""Writes TensorFlow checkpoints and SavedModels with the variables of the old Keras package."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"


def write_checkpoint(prefix: Path, variables: Mapping[str, np.ndarray]) -> Path:
    """Writes a TensorFlow checkpoint with these keys, and the two that each has. Returns the prefix."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    named = {f"{name}{SUFFIX}": value for name, value in variables.items()}
    named |= {"_CHECKPOINTABLE_OBJECT_GRAPH": b"graph", f"save_counter{SUFFIX}": np.int64(1)}
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(named),
        shape_and_slices=[""] * len(named),
        tensors=[tf.constant(value) for value in named.values()],
    )
    shard = prefix.with_name(f"{prefix.name}.data-00000-of-00001")
    assert shard.exists()
    return prefix


def write_saved_model(folder: Path, variables: Mapping[str, np.ndarray], assets: Mapping[str, bytes]) -> Path:
    """Writes a SavedModel without a graph, and with these files as its assets. Returns the folder."""
    write_checkpoint(folder / "variables" / "variables", variables)
    (folder / "saved_model.pb").write_bytes(b"a graph that nobody reads")
    (folder / "assets").mkdir()
    for name, content in assets.items():
        (folder / "assets" / name).write_bytes(content)
    return folder
