"""What HeldOutScorer does."""

from typing import Any

import tensorflow as tf
from tfx import types
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from ulmfit_tfx.components.baseline_scoring import scored_beside_baselines
from ulmfit_tfx.components.example_rows import read_rows
from ulmfit_tfx.components.reports.held_out import REPORT_FILE
from ulmfit_tfx.evaluation.catalogue import FROM_SCRATCH, MODEL
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.tasks import load_predictor
from ulmfit_tfx.transforms.splitting import TEST, TRAIN


class Executor(BaseExecutor):
    """Scores the model and the baselines."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Scores."""
        examples = artifact_utils.get_single_instance(input_dict[specs.EXAMPLES])
        train, rows = list(read_rows(examples, TRAIN)), list(read_rows(examples, TEST))
        seed, samples = exec_properties[specs.SEED], exec_properties[specs.SAMPLES]
        models = {MODEL: input_dict[specs.MODEL], FROM_SCRATCH: input_dict.get(specs.MODEL_FROM_SCRATCH)}
        predictors = {name: load_predictor(_saved_model(model)) for name, model in models.items() if model}
        with_teacher = input_dict.get(specs.TRANSFER)
        taught = list(read_rows(artifact_utils.get_single_instance(with_teacher), TRAIN)) if with_teacher else []
        report = scored_beside_baselines(predictors, train, rows, samples, seed, taught=taught)
        folder = artifact_utils.get_single_uri(output_dict[specs.REPORT])
        with tf.io.gfile.GFile(f"{folder}/{REPORT_FILE}", "w") as file:
            file.write(report.to_json())


def _saved_model(model: list[types.Artifact]) -> str:
    return path_utils.serving_model_path(artifact_utils.get_single_uri(model))
