"""What StrictExampleValidator does beyond TFX's ExampleValidator."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2
from tfx import types
from tfx.components.example_validator import executor as example_validator
from tfx.types import artifact_utils
from tfx.utils import io_utils

from ulmfit_tfx.components.pushed_statistics import read_statistics, training_statistics
from ulmfit_tfx.components.reports.drift import REPORT_FILE, DriftReport
from ulmfit_tfx.components.served_versions import served_version
from ulmfit_tfx.components.strict_example_validator.drift import find_drift
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.errors import DataError

log = logging.getLogger(__name__)


class Executor(example_validator.Executor):
    """Validates, measures drift, then reads what was found."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> Any:
        """Runs ExampleValidator.

        Raises:
            DataError: There are anomalies, or drift that is not to be there.
        """
        output = super().Do(input_dict, output_dict, exec_properties)
        artifact = artifact_utils.get_single_instance(output_dict[specs.ANOMALIES])
        report = None
        if exec_properties.get(specs.DRIFT_THRESHOLD) is not None:
            report = _drift(input_dict, exec_properties)
            _write(report, artifact)
            output.output_artifacts[specs.ANOMALIES].artifacts[0].CopyFrom(artifact.mlmd_artifact)
        if found := list(_anomalies(artifact)):
            raise DataError("the data does not fit the schema:\n  " + "\n  ".join(found))
        if report is not None and report.drifted and exec_properties[specs.FAIL_ON_DRIFT]:
            drifted = "\n  ".join(map(str, report.drifted))
            raise DataError(
                "the train split differs from the rows that the model in service was trained on, and "
                f"data_schema.fail_on_drift is true:\n  {drifted}"
            )
        return output


def _anomalies(artifact: types.Artifact) -> Iterator[str]:
    """Those of all splits, in words."""
    for split in artifact_utils.decode_split_names(artifact.split_names):
        path = f"{artifact.uri}/Split-{split}/{example_validator.DEFAULT_FILE_NAME}"
        with tf.io.gfile.GFile(path, "rb") as file:
            anomalies = anomalies_pb2.Anomalies.FromString(file.read())
        for feature, anomaly in sorted(anomalies.anomaly_info.items()):
            yield f"{split}: feature '{feature}': {anomaly.short_description}: {anomaly.description}"


def _drift(input_dict: dict[str, Any], exec_properties: dict[str, Any]) -> DriftReport:
    content = exec_properties[specs.BASELINE_STATISTICS]
    if exec_properties[specs.SERVED]:
        served = served_version(exec_properties[specs.SERVED])
        log.info("Rows are compared with those of the model in service, %s", served or "and there is none")
        content = read_statistics(served)
    if not content:
        return DriftReport("no model is in service that brings the statistics of its training along")
    try:
        before = text_format.Parse(content, statistics_pb2.DatasetFeatureStatisticsList())
    except text_format.ParseError as error:
        return DriftReport(f"the statistics that the model in service brings along are damaged: {error}")
    if not before.datasets:
        return DriftReport("the statistics that the model in service brings along are empty")
    statistics = artifact_utils.get_single_instance(input_dict[specs.STATISTICS])
    schema_file = io_utils.get_only_uri_in_dir(artifact_utils.get_single_uri(input_dict[specs.SCHEMA]))
    return find_drift(
        training_statistics(statistics, json.loads(exec_properties[specs.MADE_BY])),
        before,
        exec_properties[specs.DRIFT_THRESHOLD],
        io_utils.SchemaReader().read(schema_file),
    )


def _write(report: DriftReport, artifact: types.Artifact) -> None:
    sentences = "\n".join(report.sentences())
    log.info("Drift: %s", sentences)
    artifact.set_string_custom_property(specs.DRIFT, sentences)
    with tf.io.gfile.GFile(f"{artifact.uri}/{REPORT_FILE}", "w") as file:
        file.write(report.to_json())
