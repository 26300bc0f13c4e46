"""What a training works on, and where it keeps what a killed run goes on from."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from ulmfit_tfx.trainer_modules.optimization.mirrored_folder import local_folder

_TAIL = 64


def matching_files(patterns: Sequence[str]) -> list[str]:
    """Files that TFX's patterns name, in order."""
    return sorted(path for pattern in patterns for path in tf.io.gfile.glob(pattern))


def checkpoint_folder(fn_args: Any) -> str:
    """Folder that a rerun of the same training finds again: `model_run_dir` changes with every execution.

    Args:
        fn_args: TFX's `FnArgs`. Its `custom_config` names the folder of all checkpoints, `checkpoints`, local or
            remote.
    """
    hyperparameters = getattr(fn_args, "hyperparameters", None)
    identity = [
        fn_args.custom_config,
        _files([*fn_args.train_files, *fn_args.eval_files]),
        fn_args.transform_graph_path,
        fn_args.base_model,
        hyperparameters,
    ]
    return _below_checkpoints(fn_args, _digest(identity))


def corpora_folder(fn_args: Any) -> Path:
    """Local folder for copies of the inputs, which trainings of the same inputs share where checkpoints are local.

    It is a temporary one, new at each call, where they are remote.
    """
    inputs = [_files(fn_args.train_files), _files(fn_args.eval_files)]
    return local_folder(_below_checkpoints(fn_args, f"corpora-{_digest(inputs)}"))


def _below_checkpoints(fn_args: Any, name: str) -> str:
    return f"{fn_args.custom_config['checkpoints'].rstrip('/')}/{name}"


def _files(patterns: Sequence[str]) -> list[tuple[str, int, str]]:
    """Path, size and last bytes of each file: those of a compressed one hold the checksum of what is in it.

    Times would be no help: a cluster copies the files anew for each attempt at a step.
    """
    return [(path, tf.io.gfile.stat(path).length, _last_bytes(path)) for path in matching_files(patterns)]


def _last_bytes(path: str) -> str:
    with tf.io.gfile.GFile(path, "rb") as file:
        file.seek(max(0, file.size() - _TAIL))
        return file.read().hex()


def _digest(identity: Any) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
