"""The wheel in an environment of its own, outside the checkout: its commands, and what a run shows and warns of."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from wheel_environment import ROOT, find_uv, install_environment, make_environment

import ulmfit_tfx

OURS = ("ulmfit_tfx", "__main__")
OF_TESTS = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "TF_CPP_MIN_LOG_LEVEL", "TF_USE_LEGACY_KERAS", "VIRTUAL_ENV")
"""Variables that tests or the checkout's environment set, and a user has not."""


class Installation:
    """An environment with the wheel, a folder to work in, and the command."""

    def __init__(self, python: Path, site: Path, folder: Path):
        self.python, self.site, self.folder = python, site, folder
        self.origins = folder / "origins.jsonl"

    def __call__(self, *arguments, cwd=None, warnings=None) -> subprocess.CompletedProcess:
        environment = {name: value for name, value in os.environ.items() if name not in OF_TESTS}
        if warnings:
            environment |= {"PYTHONWARNINGS": warnings, "WARNING_ORIGINS": str(self.origins)}
        program, *rest = map(str, arguments)
        return subprocess.run(
            [self.python.with_name(program), *rest],
            capture_output=True,
            text=True,
            cwd=cwd or self.folder,
            env=environment,
        )


@pytest.fixture(scope="module", params=["linked", pytest.param("installed", marks=pytest.mark.release)])
def installation(request, distributions, tmp_path_factory):
    """Links to what the wheel requires cost seconds, an installation by uv minutes."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "linked":
        python, site = make_environment(folder / "venv", distributions.wheel, ["kfp"])
    else:
        if not find_uv():
            pytest.skip("uv is neither in the checkout nor on PATH: `make setup` brings it")
        python, site = install_environment(folder / "venv", distributions.wheel, ["kfp"])
    shutil.copy(Path(__file__).with_name("warning_origins.py"), site)
    (site / "warning_origins.pth").write_text("import warning_origins\n")
    (folder / "work").mkdir()
    return Installation(python, site, folder / "work")


@pytest.fixture(scope="module")
def config(installation, tiny_project, reviews) -> Path:
    cluster = {
        "image": "registry/ulmfit-tfx:1",
        "pipeline_root": "gs://bucket/runs",
        "paths": {"data.path": "gs://bucket/reviews.tsv"},
    }
    thresholds = {"thresholds": {"accuracy": 0.05, "auc": 0.05}}
    sections = {"training": {"epochs": 1}, "evaluation": thresholds, "kubeflow": cluster}
    return tiny_project(installation.folder, reviews[:300], **sections)


@pytest.fixture(scope="module")
def run(installation, config):
    """A whole run, with every warning on."""
    return installation("ulmfit-tfx", "run", config.name, warnings="always")


def test_what_is_imported_is_the_wheel(installation):
    shown = installation("python", "-c", "import ulmfit_tfx; print(ulmfit_tfx.__file__)")
    assert Path(shown.stdout.strip()) == installation.site / "ulmfit_tfx" / "__init__.py"


def test_requirements_are_all_there(installation):
    shown = installation("python", "-m", "pip", "check")
    assert shown.returncode == 0, shown.stdout


def test_version_and_help(installation):
    assert installation("ulmfit-tfx", "--version").stdout.strip() == ulmfit_tfx.__version__
    shown = installation("ulmfit-tfx", "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert {"run", "predict", "compile", "tokenizer"} <= set(
        re.findall(r"^[│ ]+([a-z-]+) ", shown.stdout, re.MULTILINE)
    )


def test_wrong_configuration_exits_with_2_and_says_what_is_wrong(installation, config):
    shown = installation("ulmfit-tfx", "run", config.name, "--set", "training.epoch=3")
    assert shown.returncode == 2
    assert shown.stderr.startswith(
        "--set: training.epoch is not a known field. Did you mean 'epochs'? Allowed: epochs, "
    )


def test_run_pushes_a_model_that_predicts(installation, run):
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    assert re.search(r"blessed +yes", run.stdout)
    (command,) = re.findall(r"ulmfit-tfx predict (\S+) ", run.stdout)
    shown = installation("ulmfit-tfx", "predict", command, "--json", "a superb cast")
    assert shown.returncode == 0, shown.stderr
    prediction = json.loads(shown.stdout)
    assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert shown.stderr == ""


def test_compiles_for_kubeflow_in_a_folder_of_sources(installation, config):
    """The checkout's folders have names of modules that ours could be mistaken for."""
    target = installation.folder / "pipeline.yaml"
    shown = installation("ulmfit-tfx", "compile", config, "--output", target, cwd=ROOT)
    assert (shown.returncode, shown.stderr) == (0, "")
    spec = next(yaml.safe_load_all(target.read_text()))
    assert {"CorpusIngest", "Trainer", "Pusher"} <= set(spec["root"]["dag"]["tasks"])


def test_run_shows_nothing_of_the_libraries(run):
    assert run.stderr == ""
    for noise in ("WARNING", "Warning", "INFO", "absl", "oneDNN", "Traceback", "site-packages"):
        assert noise not in run.stdout


def test_run_has_no_warning_of_ours(installation, run):
    assert run.returncode == 0
    noted = [json.loads(line) for line in installation.origins.read_text().splitlines()]
    assert noted, "libraries have always warned of something: are warnings still noted?"
    assert [warning["message"] for warning in noted if warning["at_fault"] in OURS] == []
    (log,) = (installation.folder / "runs" / "tiny" / "logs").glob("*.log")
    warned = re.findall(r"^\S+ \S+ (?:WARNING|ERROR) .*", log.read_text(), re.MULTILINE)
    assert [line for line in warned if "ulmfit_tfx" in line] == []
