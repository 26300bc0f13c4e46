"""What TaskEvaluator does beyond TFX's Evaluator."""

import logging
from typing import Any

from tfx import types
from tfx.components.evaluator import executor as evaluator
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as standard
from tfx.utils import path_utils

from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.tasks import labelled_task, read_model_info

log = logging.getLogger(__name__)


class Executor(evaluator.Executor):
    """Finds out whether there is a baseline, then evaluates."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Runs Evaluator."""
        inputs = dict(input_dict)
        baseline = inputs.pop(standard.BASELINE_MODEL_KEY, [])
        if baseline and fileio.exists(f"{_saved_model(baseline)}/saved_model.pb"):
            candidate = read_model_info(_saved_model(inputs[standard.MODEL_KEY]))
            assert candidate is not None  # Trainer has written it
            served = read_model_info(_saved_model(baseline))
            difference = labelled_task(candidate.task).why_not_comparable(served, candidate)
            if difference is None:
                inputs[standard.BASELINE_MODEL_KEY] = baseline
            else:
                log.warning("The model in service is not compared with: %s", difference)
                evaluation = artifact_utils.get_single_instance(output_dict[standard.EVALUATION_KEY])
                evaluation.set_string_custom_property(specs.BASELINE_DROPPED, difference)
        super().Do(inputs, output_dict, exec_properties)


def _saved_model(model: list[types.Artifact]) -> str:
    return path_utils.serving_model_path(artifact_utils.get_single_uri(model))
