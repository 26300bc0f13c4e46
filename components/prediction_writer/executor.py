"""What PredictionWriter does."""

import json
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from ulmfit_tfx.components.prediction_writer.blocks import Columns, WriteBlock, block_of, file_places
from ulmfit_tfx.components.prediction_writer.placed_row import PlacedRow
from ulmfit_tfx.components.reports.written_rows import COLUMNS_FILE
from ulmfit_tfx.components.row_places import read_files
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.schemas.config.sources.dumped import source_from_json
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.tasks import labelled_task, read_model_info
from ulmfit_tfx.trainer_modules.serving import signature_names as signatures
from ulmfit_tfx.trainer_modules.serving.answer_values import answer_kinds, answer_values
from ulmfit_tfx.trainer_modules.serving.model_info import ModelInfo
from ulmfit_tfx.transforms.answered_rows.asked import AskedRow
from ulmfit_tfx.transforms.records.record import Refusal, Row


class Executor(BaseBeamExecutor):
    """Turns PredictionLogs and refused rows into JSON Lines."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Writes."""
        logs = artifact_utils.get_single_uri(input_dict[specs.INFERENCE_RESULT])
        examples = artifact_utils.get_single_uri(input_dict[specs.EXAMPLES])
        refused = f"{examples}/quarantine/rows*"
        places = file_places(read_files(examples))
        folder = artifact_utils.get_single_uri(output_dict[specs.PREDICTIONS])
        info = read_model_info(path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict[specs.MODEL])))
        assert info is not None, "the command asks only models that say what they are"
        source = source_from_json(exec_properties[specs.CONFIG])
        kinds = answer_kinds(labelled_task(info.task).predictor, info, as_table=False)
        write = WriteBlock(folder, source, kinds, places)
        coder = beam.coders.ProtoCoder(prediction_log_pb2.PredictionLog)
        tf.io.gfile.makedirs(folder)
        with self._make_beam_pipeline() as pipeline:
            answered = (
                pipeline
                | "Read" >> beam.io.ReadFromTFRecord(f"{logs}/*", coder=coder)
                | "Answered" >> beam.Map(answered_row, source, info)
            )
            not_asked = (
                pipeline | "ReadRefused" >> beam.io.ReadFromText(refused) | "Refused" >> beam.Map(refused_row, source)
            )
            rows = (answered, not_asked) | "Rows" >> beam.Flatten()
            columns = rows | "Columns" >> beam.CombineGlobally(Columns())
            _ = (
                columns
                | "ColumnsAsJson" >> beam.Map(json.dumps)
                | "WriteColumns" >> beam.io.WriteToText(f"{folder}/{COLUMNS_FILE}", shard_name_template="")
            )
            _ = (
                rows
                | "Blocks" >> beam.WithKeys(block_of, places)
                | "GroupBlocks" >> beam.GroupByKey()
                | "WriteBlocks" >> beam.ParDo(write, beam.pvalue.AsSingleton(columns))
            )


def answered_row(log: Any, source: SourceConfig, info: ModelInfo) -> PlacedRow:
    """One answered row.

    Args:
        log: A PredictionLog of one tf.Example, and of the outputs of `serving_examples` for it.
        source: Where the example comes from.
        info: What the model says of itself.
    """
    [serialized] = log.predict_log.request.inputs[signatures.EXAMPLES].string_val
    features = tf.train.Example.FromString(serialized).features.feature
    text, file, columns = (
        features[name].bytes_list.value[0].decode()
        for name in (feature_names.TEXT, feature_names.SOURCE_FILE, feature_names.SOURCE_COLUMNS)
    )
    line, number = features[feature_names.SOURCE_LINE].int64_list.value
    outputs = {name: tf.make_ndarray(tensor) for name, tensor in log.predict_log.response.outputs.items()}
    predictor = labelled_task(info.task).predictor
    [answer] = answer_values(predictor, predictor.read([text], outputs, info), info, as_table=False)
    asked = AskedRow.of(Row(text, line=line, columns=json.loads(columns)), file, source)
    return PlacedRow(file, line, number, asked, answer)


def refused_row(refusal: str, source: SourceConfig) -> PlacedRow:
    """One refused row.

    Args:
        refusal: A line of the quarantine.
        source: Where the row comes from.
    """
    refused = Refusal(**json.loads(refusal))
    return PlacedRow(refused.source, refused.line, -1, AskedRow.of(refused, refused.source, source), None)
