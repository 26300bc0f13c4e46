"""A whole pipeline, compiled for a cluster and replayed, beside the same one on TFX's local launcher."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.tasks import load_predictor
from ulmfit_tfx.trainer_modules.serving.loaded_model import find_model

pytestmark = [pytest.mark.pipeline, pytest.mark.thorough]

TEXTS = ["a superb cast", "A TEDIOUS PLOT and a stale script!", "a wooden camera and a daily paper"]


def invoke(*arguments: str) -> str:
    """Standard output of a command that succeeds."""
    result = CliRunner(mix_stderr=False).invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory, reviews, tiny_project):
    """Folder of a replay and of a run, whose trainings are as long because a parameter says so to the one."""
    folder = tmp_path_factory.mktemp("replayed")
    volumes = [{"claim": "data", "mount_path": str(folder)}]
    kubeflow = {"image": "image:1", "pipeline_root": "gs://bucket/root", "volumes": volumes}
    config = tiny_project(folder, reviews, kubeflow=kubeflow, evaluation={"thresholds": {"accuracy": 0.4}})
    pipeline = folder / "pipeline.yaml"
    invoke("compile", config, "--output", pipeline)
    invoke("replay", pipeline, "--root", folder / "replay", "--param", 'training={"epochs": 2}')
    invoke("run", config, "--root", folder / "run", "--set", "training.epochs=2")
    return folder


def written(project: Path, root: str, pattern: str):
    """The JSON file of that name below a root."""
    (file,) = (project / root / "artifacts").glob(f"**/{pattern}")
    return json.loads(file.read_text())


def leaves(tree, *path) -> dict[tuple, object]:
    """What stands at the ends of nested objects, by the way there."""
    if not isinstance(tree, dict):
        return {path: tree}
    return {way: leaf for key, branch in tree.items() for way, leaf in leaves(branch, *path, key).items()}


def test_parameter_of_the_run_reaches_the_training(project):
    assert len(written(project, "replay", "Trainer/model_run/history.json")["epochs"]) == 2


@pytest.mark.parametrize("file", ["scores.json", "held_out.json"])
def test_metrics_are_those_of_the_local_launcher(project, file):
    replayed, local = (leaves(written(project, root, file)) for root in ("replay", "run"))
    assert replayed == pytest.approx(local, abs=1e-6, nan_ok=True)  # sums in another order differ in the last digit


def test_pushed_models_answer_alike(project):
    models = (find_model(project / root / "serving" / "tiny") for root in ("replay", "run"))
    replayed, local = (load_predictor(model).answer(TEXTS) for model in models)
    for got, expected in zip(replayed, local, strict=True):
        assert got.label == expected.label
        assert got.probabilities == pytest.approx(expected.probabilities, abs=1e-6)
