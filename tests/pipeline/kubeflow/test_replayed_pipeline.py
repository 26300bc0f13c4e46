"""A whole pipeline, compiled for a cluster and replayed, beside the same one on TFX's local launcher."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.trainer_modules.export.loaded_model import Classifier, find_model

pytestmark = pytest.mark.pipeline

TEXTS = ["a superb cast", "A TEDIOUS PLOT and a stale script!", "a wooden camera and a daily paper"]


def invoke(*arguments: str) -> str:
    """Standard output of a command that succeeds."""
    result = CliRunner(mix_stderr=False).invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory, reviews, tiny_project):
    """Folder with the configuration, its compiled pipeline, and the roots of one run of each."""
    folder = tmp_path_factory.mktemp("replayed")
    volumes = [{"claim": "data", "mount_path": str(folder)}]
    kubeflow = {"image": "image:1", "pipeline_root": "gs://bucket/root", "volumes": volumes}
    config = tiny_project(folder, reviews, kubeflow=kubeflow, evaluation={"thresholds": {"accuracy": 0.5}})
    invoke("compile", config, "--output", folder / "pipeline.yaml")
    (folder / "replay.txt").write_text(replay(folder))
    invoke("run", config, "--root", folder / "run")
    return folder


def replay(folder: Path, *options: str) -> str:
    return invoke("replay", folder / "pipeline.yaml", "--root", folder / "replay", *options)


def newest(root: Path, pattern: str) -> Path:
    return max((root / "artifacts").glob(pattern), key=lambda path: path.stat().st_mtime)


def cached_steps(shown: str) -> set[str]:
    return set(re.findall(r"\] (\w+): [^\n]*\n +from cache", shown))


@pytest.mark.parametrize("file", ["scores.json", "held_out.json"])
def test_metrics_are_those_of_the_local_launcher(project, file):
    replayed, local = (json.loads(newest(project / root, f"**/{file}").read_text()) for root in ("replay", "run"))
    assert replayed == local


def test_pushed_models_answer_alike(project):
    local = Classifier(find_model(project / "run" / "serving" / "tiny")).predict(TEXTS)
    replayed = Classifier(find_model(project / "replay" / "serving" / "tiny")).predict(TEXTS)
    for expected, got in zip(local, replayed, strict=True):
        assert got.label == expected.label
        assert got.probabilities == pytest.approx(expected.probabilities, abs=1e-6)


def test_second_replay_runs_only_what_looks_outside_and_what_follows(project):
    shown = replay(project)
    assert cached_steps(shown) >= {"CorpusIngest", "StatisticsGen", "TextTransform", "Trainer", "HeldOutScorer"}
    assert not {"BaselineResolver", "TaskEvaluator"} & cached_steps(shown)


def test_parameter_of_the_run_reaches_the_training(project):
    shown = replay(project, "--param", 'training={"epochs": 1}')
    assert {"CorpusIngest", "TextTransform"} <= cached_steps(shown)
    assert "Trainer" not in cached_steps(shown)
    history = json.loads(newest(project / "replay", "**/Trainer/model_run/history.json").read_text())
    assert len(history["epochs"]) == 1
