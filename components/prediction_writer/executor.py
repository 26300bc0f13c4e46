"""What PredictionWriter does."""

import dataclasses
import json
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.tasks import labelled_task, read_model_info
from ulmfit_tfx.trainer_modules.serving import signature_names as signatures
from ulmfit_tfx.trainer_modules.serving.model_info import ModelInfo


class Executor(BaseBeamExecutor):
    """Turns PredictionLogs into JSON Lines."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Writes."""
        logs = artifact_utils.get_single_uri(input_dict[specs.INFERENCE_RESULT])
        folder = artifact_utils.get_single_uri(output_dict[specs.PREDICTIONS])
        model = path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict[specs.MODEL]))
        coder = beam.coders.ProtoCoder(prediction_log_pb2.PredictionLog)
        with self._make_beam_pipeline() as pipeline:
            _ = (
                pipeline
                | "Read" >> beam.io.ReadFromTFRecord(f"{logs}/*", coder=coder)
                | "AsJson" >> beam.Map(as_json, read_model_info(model))
                | "Write" >> beam.io.WriteToText(f"{folder}/predictions", file_name_suffix=".jsonl")
            )


def as_json(log: Any, info: ModelInfo) -> str:
    """One prediction as a line.

    Args:
        log: A PredictionLog of one tf.Example, and of the outputs of `serving_examples` for it.
        info: What the model says of itself.
    """
    [serialized] = log.predict_log.request.inputs[signatures.EXAMPLES].string_val
    features = tf.train.Example.FromString(serialized).features.feature
    text = features[feature_names.TEXT].bytes_list.value[0].decode()
    outputs = {name: tf.make_ndarray(tensor) for name, tensor in log.predict_log.response.outputs.items()}
    [prediction] = labelled_task(info.task).predictor.read([text], outputs, info)
    return json.dumps(dataclasses.asdict(prediction), ensure_ascii=False)
