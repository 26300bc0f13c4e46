"""What a training works on, and where it keeps what a killed run goes on from."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from ulmfit_tfx.schemas.code_version import KEY, code_digests
from ulmfit_tfx.trainer_modules.optimization.mirrored_folder import local_folder
from ulmfit_tfx.trainer_modules.serving.signature_names import MODEL_INFO_FILE
from ulmfit_tfx.transforms.statistics.layout import FACTS_FILE

CORPUS_STATISTICS = "corpus_statistics"
"""What a training calls the folder of its corpus' statistics, among what it is told."""
_TAIL = 64
_CHANGES_NO_WEIGHT = (
    "ulmfit_tfx.trainer_modules.serving",
    "ulmfit_tfx.trainer_modules.optimization.progress",
    "ulmfit_tfx.trainer_modules.optimization.tensorboard",
    "ulmfit_tfx.trainer_modules.optimization.training_time",
)


def matching_files(patterns: Sequence[str]) -> list[str]:
    """Files that TFX's patterns name, in order."""
    return sorted(path for pattern in patterns for path in tf.io.gfile.glob(pattern))


def checkpoint_folder(fn_args: Any) -> str:
    """Folder that a rerun of the same training finds again: `model_run_dir` changes with every execution.

    It follows from what the training is told and from the content of its inputs. Where these lie is of no account, for
    stages that run anew write the same elsewhere; nor is the code, which a checkpoint itself knows.

    Args:
        fn_args: TFX's `FnArgs`. Its `custom_config` names the folder of all checkpoints, `checkpoints`, local or
            remote.
    """
    told = {name: value for name, value in fn_args.custom_config.items() if name not in (KEY, CORPUS_STATISTICS)}
    statistics = fn_args.custom_config.get(CORPUS_STATISTICS)
    identity = [
        told,
        _files([*fn_args.train_files, *fn_args.eval_files]),
        _contents(*(f"{fn_args.transform_graph_path}/{files}" for files in ("tokenizer/*", "transform_fn/assets/*"))),
        _base_model(fn_args.base_model),
        statistics and _contents(f"{statistics}/{FACTS_FILE}"),
        getattr(fn_args, "hyperparameters", None),
    ]
    return _below_checkpoints(fn_args, _digest(identity))


def training_code(run_fn: str) -> dict[str, str]:
    """Digests of the code that weights follow from, by module.

    What shows a training is left out, and what makes of the weights what is served: where that fails, the training goes
    on, or is found finished, once it is mended.

    Args:
        run_fn: Name of the module that trains.
    """
    signatures = f"{run_fn.rpartition('.')[0]}.signatures"  # of the task, beside its trainer
    return code_digests(run_fn, without=[*_CHANGES_NO_WEIGHT, signatures])


def corpora_folder(fn_args: Any) -> Path:
    """Local folder for copies of the inputs, which trainings of the same inputs share where checkpoints are local.

    It is a temporary one, new at each call, where they are remote.
    """
    inputs = [_files(fn_args.train_files), _files(fn_args.eval_files)]
    return local_folder(_below_checkpoints(fn_args, f"corpora-{_digest(inputs)}"))


def _below_checkpoints(fn_args: Any, name: str) -> str:
    return f"{fn_args.custom_config['checkpoints'].rstrip('/')}/{name}"


def _files(patterns: Sequence[str]) -> list[tuple[str, int, str]]:
    """Name, size and last bytes of each file: those of a compressed one hold the checksum of what is in it.

    Times would be no help: a cluster copies the files anew for each attempt at a step.
    """
    paths = matching_files(patterns)
    return [(_name(path), tf.io.gfile.stat(path).length, _last_bytes(path)) for path in paths]


def _contents(*patterns: str) -> list[tuple[str, str]]:
    """Name and digest of each file; they are small."""
    digests = []
    for path in matching_files(patterns):
        with tf.io.gfile.GFile(path, "rb") as file:
            digests.append((_name(path), hashlib.sha256(file.read()).hexdigest()))
    return digests


def _base_model(folder: str | None) -> Any:
    """What tells a SavedModel from another one: the index of its variables has the checksum of each."""
    return folder and _contents(f"{folder}/{MODEL_INFO_FILE}", f"{folder}/variables/*.index")


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _last_bytes(path: str) -> str:
    with tf.io.gfile.GFile(path, "rb") as file:
        file.seek(max(0, file.size() - _TAIL))
        return file.read().hex()


def _digest(identity: Any) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
