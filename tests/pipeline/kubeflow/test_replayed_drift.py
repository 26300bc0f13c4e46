"""StrictExampleValidator, compiled by TFX and replayed by the command that it writes, beside models in service."""

import pytest
from compiled_pipelines import compile_components
from google.protobuf import json_format
from row_statistics import statistics_artifact
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import standard_artifacts

from ulmfit_tfx.components.pushed_statistics import training_statistics, write_statistics
from ulmfit_tfx.components.strict_example_validator.component import StrictExampleValidator
from ulmfit_tfx.pipeline.kubeflow.replay import replay


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Folder of a compiled pipeline that validates 30 good and 70 bad texts, and of a model of as many of either."""
    folder = tmp_path_factory.mktemp("replayed")
    rows = {
        name: [{"text": "a", "label": label} for label in labels.split()]
        for name, labels in (("now", "good " * 30 + "bad " * 70), ("before", "good " * 50 + "bad " * 50))
    }
    artifacts = {name: statistics_artifact(folder / name, of) for name, of in rows.items()}
    (folder / "serving" / "7" / "assets.extra").mkdir(parents=True)
    (folder / "serving" / "7" / "saved_model.pb").write_bytes(b"")
    write_statistics(str(folder / "serving" / "7"), training_statistics(artifacts["before"], {}))
    (folder / "schema").mkdir()
    (folder / "schema" / "schema.pbtxt").write_text(
        'feature { name: "text" type: BYTES } feature { name: "label" type: BYTES }'
    )
    statistics = Importer(
        source_uri=str(folder / "now"),
        artifact_type=standard_artifacts.ExampleStatistics,
        properties={"split_names": artifacts["now"].split_names},
        custom_properties={"tfx_version": artifacts["now"].get_string_custom_property("tfx_version")},
    ).with_id("Statistics")
    schema = Importer(source_uri=str(folder / "schema"), artifact_type=standard_artifacts.Schema).with_id("Schema")
    validator = StrictExampleValidator(
        statistics.outputs["result"],
        schema.outputs["result"],
        drift_threshold=0.1,
        served=RuntimeParameter("baseline", ptype=str, default=""),
    )
    compile_components([statistics, schema, validator], folder)
    return folder


@pytest.mark.parametrize(
    ("baseline", "said"),
    [
        ("serving", "label: L-infinity 0.200, more than 0.1: bad 50.0% -> 70.0%, good 50.0% -> 30.0%"),
        ("nowhere", "not measured: no model is in service that brings the statistics of its training along"),
    ],
)
def test_drift_is_a_property_of_the_steps_output(project, baseline, said):
    parameters = {"baseline": str(project / baseline)}
    results = replay(project / "pipeline.yaml", project / "root", parameters)
    metadata = results["StrictExampleValidator"].artifacts["anomalies"].metadata
    assert json_format.MessageToDict(metadata)["drift"] == said
