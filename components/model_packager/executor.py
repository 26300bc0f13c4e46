"""What ModelPackager does."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tfx
from tensorflow.core.protobuf import saved_model_pb2
from tfx import types
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from ulmfit_tfx.components.model_packager.card import model_card
from ulmfit_tfx.components.model_packager.sources import CardSources
from ulmfit_tfx.components.pushed_statistics import made_by, training_statistics, write_statistics
from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.components.reports.held_out import REPORT_FILE as HELD_OUT_FILE
from ulmfit_tfx.components.reports.held_out import HeldOutReport
from ulmfit_tfx.components.reports.perplexity import REPORT_FILE as PERPLEXITY_FILE
from ulmfit_tfx.components.reports.perplexity import PerplexityReport
from ulmfit_tfx.components.reports.scores_file import SCORES_FILE, EvaluationScores
from ulmfit_tfx.components.run_settings import as_run
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.tasks import read_model_info
from ulmfit_tfx.trainer_modules.optimization.task_training import HISTORY
from ulmfit_tfx.trainer_modules.serving.encoder_folder import RECORD
from ulmfit_tfx.trainer_modules.serving.folder_copy import copy_folder
from ulmfit_tfx.trainer_modules.serving.saved_model import BACKWARD
from ulmfit_tfx.trainer_modules.serving.warmup_requests import write_warmup_requests

CARD_FILE = "assets.extra/README.md"

_WEIGHTS = "variables_/"
"""What the keys of the model's weights begin with in the SavedModel's checkpoint, see `export.saved_model.save`."""

Inputs = Mapping[str, Sequence[types.Artifact]]


class Executor(BaseExecutor):
    """Copies the model and writes its card, its warm-up requests and the statistics of its rows."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Packages."""
        trained = path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict[specs.TRAINED_MODEL]))
        packaged = path_utils.serving_model_path(artifact_utils.get_single_uri(output_dict[specs.MODEL]))
        config = as_run(json.loads(exec_properties[specs.CONFIG]), exec_properties)
        card = model_card(_sources(input_dict, trained, config))
        copy_folder(trained, packaged)
        with tf.io.gfile.GFile(f"{packaged}/{CARD_FILE}", "w") as file:
            file.write(card)
        write_warmup_requests(packaged, json.loads(exec_properties[specs.WARMUP_TEXTS]), config["name"])
        if input_dict.get(specs.STATISTICS):
            statistics = artifact_utils.get_single_instance(input_dict[specs.STATISTICS])
            write_statistics(packaged, training_statistics(statistics, made_by(config)))


def _sources(inputs: Inputs, saved_model: str, config: Mapping[str, Any]) -> CardSources:
    info = read_model_info(saved_model)
    assert info is not None  # Trainer has written it
    evaluation = _read(inputs, specs.EVALUATION_REPORT, SCORES_FILE)
    held_out = _read(inputs, specs.HELD_OUT, HELD_OUT_FILE)
    perplexity = _read(inputs, specs.PERPLEXITY, PERPLEXITY_FILE)
    return CardSources(
        config=config,
        info=info,
        parameters=_parameters(saved_model),
        versions={"ulmfit-tfx": info.version, "TensorFlow": _tensorflow(saved_model), "TFX": tfx.__version__},
        best_epochs=best_epochs(inputs, info.directions),
        rows=_accounting(inputs, specs.EXAMPLES),
        corpus=_accounting(inputs, specs.EXAMPLES_UNLABELLED),
        taught=_accounting(inputs, specs.TRANSFER),
        evaluation=EvaluationScores.from_json(evaluation) if evaluation else None,
        held_out=HeldOutReport.from_json(held_out) if held_out else None,
        perplexity=PerplexityReport.from_json(perplexity) if perplexity else None,
    )


def _read(inputs: Inputs, key: str, file_name: str) -> str | None:
    """A file of an artifact; None where there is no artifact or it has no such file."""
    if not inputs.get(key):
        return None
    path = f"{artifact_utils.get_single_uri(list(inputs[key]))}/{file_name}"
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as file:
        return file.read()


def _accounting(inputs: Inputs, key: str) -> Accounting | None:
    if not inputs.get(key):
        return None
    examples = artifact_utils.get_single_instance(list(inputs[key]))
    return Accounting.from_json(examples.get_string_custom_property(specs.ACCOUNTING))


def _parameters(saved_model: str) -> int:
    shapes = tf.train.load_checkpoint(f"{saved_model}/variables/variables").get_variable_to_shape_map()
    return sum(math.prod(shape) for name, shape in shapes.items() if name.startswith(_WEIGHTS))


def _tensorflow(saved_model: str) -> str:
    """Version that wrote the model."""
    with tf.io.gfile.GFile(f"{saved_model}/saved_model.pb", "rb") as file:
        graphs = saved_model_pb2.SavedModel.FromString(file.read()).meta_graphs
    return graphs[0].meta_info_def.tensorflow_version


def best_epochs(inputs: Inputs, directions: Sequence[str]) -> dict[str, int]:
    """Epochs whose weights were kept, of each training.

    Args:
        inputs: Of the component. A task model's epochs are in its history, a language model's in its record.
        directions: In which the model reads.

    Returns:
        Epochs counted from 1 by direction of reading, both directions where one training had both.
    """
    if text := _read(inputs, specs.MODEL_RUN, HISTORY):
        history = json.loads(text)
        if "best_epoch" in history:  # one training, also where a tagger reads in both directions
            return {" and ".join(directions): history["best_epoch"]}
        return {direction: history[direction]["best_epoch"] for direction in directions}
    epochs = {}
    for direction, folder in zip(directions, ("", BACKWARD), strict=False):
        if record := _read(inputs, specs.TRAINED_MODEL, f"{folder}{RECORD}"):
            epochs[direction] = json.loads(record)["source"]["best_epoch"]
    return epochs
