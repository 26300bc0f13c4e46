"""What TaskEvaluator does beyond TFX's Evaluator."""

import logging
from typing import Any

from tfx import types
from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as evaluator
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as standard
from tfx.utils import path_utils

from ulmfit_tfx.components.reports.beaten import REPORT_FILE
from ulmfit_tfx.components.task_evaluator.beaten import Beat, beaten
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
        if beat := exec_properties.get(specs.BEAT):
            _hold_against_simple_models(inputs, output_dict, Beat.from_json(beat))


def _hold_against_simple_models(inputs: dict[str, Any], outputs: dict[str, Any], beat: Beat) -> None:
    """Scores simple models on the eval split, and blesses a model that thresholds do not refuse and that is as good."""
    report = beaten(inputs, beat)
    folder = artifact_utils.get_single_uri(outputs[standard.EVALUATION_KEY])
    with fileio.open(f"{folder}/{REPORT_FILE}", "w") as file:
        file.write(report.to_json())
    blessing = artifact_utils.get_single_instance(outputs[standard.BLESSING_KEY])
    is_refused = fileio.exists(f"{blessing.uri}/{constants.NOT_BLESSED_FILE_NAME}")
    if report.lost():
        log.warning("The model is %s", report.lost())
    if is_refused:
        return
    is_blessed = report.is_met
    fileio.makedirs(blessing.uri)
    if fileio.exists(f"{blessing.uri}/{constants.BLESSED_FILE_NAME}"):
        fileio.remove(f"{blessing.uri}/{constants.BLESSED_FILE_NAME}")
    name = constants.BLESSED_FILE_NAME if is_blessed else constants.NOT_BLESSED_FILE_NAME
    with fileio.open(f"{blessing.uri}/{name}", "w") as file:
        file.write("")
    value = constants.BLESSED_VALUE if is_blessed else constants.NOT_BLESSED_VALUE
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, value)
    model = artifact_utils.get_single_instance(inputs[standard.MODEL_KEY])
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)


def _saved_model(model: list[types.Artifact]) -> str:
    return path_utils.serving_model_path(artifact_utils.get_single_uri(model))
