"""Drift of a pipeline's rows against those of the model in service, run on TFX's launcher up to the tokenizer."""

import json
import shutil

import pytest
from tfx.types import standard_artifacts

from ulmfit_tfx.components.pushed_statistics import made_by, training_statistics, write_statistics
from ulmfit_tfx.components.reports.drift import DriftReport
from ulmfit_tfx.pipeline import local_runner
from ulmfit_tfx.pipeline.graph import build_pipeline
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.pipeline.served_model import BASELINES_FILE
from ulmfit_tfx.pipeline.stages import StageFailedError
from ulmfit_tfx.pipeline.surroundings import LocalSurroundings
from ulmfit_tfx.schemas.config.config_file import load_config

VALIDATOR = "StrictExampleValidator"


class Quiet:
    """Observer of a run."""

    def stage_started(self, name, number, of): ...

    def stage_finished(self, result): ...


@pytest.fixture
def project(tmp_path, reviews, tiny_project):
    return Project(tmp_path, tiny_project(tmp_path, reviews))


class Project:
    """Runs of a configuration in one folder."""

    def __init__(self, root, path):
        self.path = path
        self.folder = RunFolder(root / "root")
        self.folder.root.mkdir()

    def validated(self, *overrides):
        """The validator's result."""
        config = load_config(self.path, overrides)
        pipeline = build_pipeline(config, LocalSurroundings(self.folder, config.name), until="SentencePieceTrainer")
        self.config, self.results = config, local_runner.run(pipeline, Quiet())
        return self.results[VALIDATOR]

    def push(self, version):
        """Puts a model into service that carries the statistics of the last run, as ModelPackager writes them."""
        saved_model = self.folder.serving / "tiny" / version
        (saved_model / "assets.extra").mkdir(parents=True)
        (saved_model / "saved_model.pb").write_bytes(b"")
        statistics = standard_artifacts.ExampleStatistics()
        statistics.set_mlmd_artifact(self.results["StatisticsGen"].outputs["statistics"])
        config = self.config.model_dump(mode="json")
        write_statistics(str(saved_model), training_statistics(statistics, made_by(config)))

    @property
    def remembers(self):
        return (self.folder.root / BASELINES_FILE).exists()


def report_of(result):
    with open(f"{result.outputs['anomalies'].uri}/drift.json") as file:
        return DriftReport.from_json(file.read())


def label_shares(result_of_ingest):
    with open(f"{result_of_ingest.outputs['examples'].uri}/accounting.json") as file:
        counts = json.load(file)["labels"]["train"]
    return {label: count / sum(counts.values()) for label, count in counts.items()}


def test_runs_are_compared_with_what_is_in_service(project, reviews, tiny_project):
    first = project.validated()
    assert report_of(first).reason.startswith("no model is in service")
    before = label_shares(project.results["CorpusIngest"])
    project.push("1")

    same = project.validated("training.epochs=3")  # another run of the same rows
    assert not same.cached
    assert {each.distance for each in report_of(same).features} == {0.0}
    said = same.outputs["anomalies"].custom_properties["drift"].string_value
    assert said.startswith("none from the rows of the model in service: ")

    fewer = [row for number, row in enumerate(reviews) if row[1] != "good" or number % 3]
    tiny_project(project.path.parent, fewer)
    shifted = report_of(project.validated("data_schema.drift_threshold=0.02"))
    now = label_shares(project.results["CorpusIngest"])
    [label] = [each for each in shifted.drifted if each.feature == "label"]
    assert label.distance == pytest.approx(max(abs(now[name] - before[name]) for name in before))
    assert label.moved == {name: pytest.approx((before[name], now[name])) for name in before}
    with pytest.raises(StageFailedError) as failed:
        project.validated("data_schema.drift_threshold=0.02", "data_schema.fail_on_drift=true")
    assert "data_schema.fail_on_drift is true:\n  label: L-infinity " in str(failed.value.__cause__)


def test_validation_is_cached_unless_the_statistics_in_service_change(project, reviews, tiny_project):
    project.validated()
    project.push("1")
    assert project.validated().cached  # it is still compared with what was in service when it first ran
    assert not project.validated("training.epochs=3").cached
    project.push("2")
    assert project.validated("training.epochs=4").cached  # of the same rows
    tiny_project(project.path.parent, reviews[:500])
    project.validated()
    project.push("3")
    tiny_project(project.path.parent, reviews)
    assert not project.validated("training.epochs=5").cached
    shutil.rmtree(project.folder.serving / "tiny" / "3")
    assert project.validated("training.epochs=5").cached  # compared with version 2, whose rows are those of version 1


def test_without_a_threshold_the_model_in_service_is_not_asked_for(project):
    result = project.validated("data_schema.drift_threshold=null", "evaluation.compare_with_served=false")
    assert "drift" not in result.outputs["anomalies"].custom_properties
    assert not project.remembers
    assert project.validated("evaluation.compare_with_served=false")
    assert project.remembers
