import io
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.cli import find_lr
from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.schemas.config.config_file import load_config
from ulmfit_tfx.schemas.errors import ExitCode
from ulmfit_tfx.trainer_modules.optimization.learning_rate_finder import LearningRateCurve

CURVE = LearningRateCurve((1e-4, 1e-3, 1e-2, 1e-1), (4.0, 3.0, 2.0, 9.0), (4.0, 3.5, 3.0, 3.25))


def invoke(*arguments: str):
    return CliRunner(mix_stderr=False).invoke(app, ["find-lr", *arguments])


@pytest.fixture
def pretraining(tmp_path) -> Path:
    """Configuration of a language model."""
    (tmp_path / "corpus.txt").write_text("a text\n" * 20)
    config = {
        "name": "pretraining",
        "task": "language_model",
        "corpus": {"path": "corpus.txt", "format": "text"},
        "language_model": {"epochs": 1},
    }
    path = tmp_path / "pretraining.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def shown(show, *arguments) -> str:
    console = Console(file=io.StringIO(), width=100, soft_wrap=True)
    show(console, *arguments)
    return console.file.getvalue()


def test_help_shows_an_example_and_imports_nothing_heavy():
    script = (
        "import sys\n"
        "from ulmfit_tfx.pipeline.cli.app import app\n"
        "app(['find-lr', '--help'], standalone_mode=False)\n"
        "heavy = {'tensorflow', 'tfx', 'keras', 'keras_tuner', 'numpy', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Example: ulmfit-tfx find-lr" in done.stdout


def test_configuration_without_a_language_model_exits_with_2_and_says_what_is_needed(tmp_path, reviews, tiny_project):
    config = tiny_project(tmp_path, reviews[:10])
    result = invoke(str(config))
    assert result.exit_code == ExitCode.BAD_USAGE
    assert "tiny.yaml: there is no language_model" in result.stderr
    assert "needs the section language_model, and corpus" in result.stderr
    assert "Starting TensorFlow" not in result.stdout


def test_corpus_that_is_not_there_exits_with_3_before_tfx_is_imported(pretraining):
    result = invoke(str(pretraining), "--set", "corpus.path=nowhere.txt")
    assert result.exit_code == ExitCode.BAD_DATA
    assert "nowhere.txt: no such file" in result.stderr
    assert "Starting TensorFlow" not in result.stdout


def test_key_points_are_shown_in_the_order_of_their_rates_with_the_smoothed_loss_there():
    lines = shown(find_lr.show_curve, CURVE, Path("runs/x/learning_rate.png")).splitlines()
    rows = [line.split() for line in lines if "e-0" in line]
    assert ["first", "step", "1.0e-04", "4.0000"] in rows
    assert ["suggestion", f"{CURVE.suggestion:.1e}", f"{CURVE.smoothed_loss_at(CURVE.suggestion):.4f}"] in rows
    assert ["lowest", "loss", "1.0e-02", "3.0000"] in rows
    assert ["last", "step", "1.0e-01", "3.2500"] in rows
    rates = [float(row[-2]) for row in rows]
    assert rates == sorted(rates)
    assert "Chart: runs/x/learning_rate.png" in lines


@pytest.mark.parametrize("rate", [3.4e-3, 2e-5, 1.0, 1e-7])
def test_next_command_sets_the_rate_in_a_way_that_the_configuration_reads(pretraining, rate):
    config = load_config(pretraining)
    (command,) = [
        line for line in shown(find_lr.show_next, config, rate, [str(pretraining)]).splitlines() if "ulmfit-tfx" in line
    ]
    *start, setting = command.split()
    assert start == ["ulmfit-tfx", "run", str(pretraining), "--set"]
    assert load_config(pretraining, [setting]).language_model.learning_rate == rate


def test_next_command_leaves_the_rate_to_a_run_that_looks_for_it_itself(pretraining):
    override = "language_model.find_learning_rate=true"
    text = shown(find_lr.show_next, load_config(pretraining, [override]), 0.01, ["x.yaml", "--set", override])
    assert text.splitlines()[-1].strip() == f"ulmfit-tfx run x.yaml --set {override}"


def test_results_of_the_finder_stage_are_shown_and_the_options_kept(pretraining, tmp_path, monkeypatch):
    """The stages themselves are left out; what they leave is what LearningRateFinder's executor writes."""
    (tmp_path / "learning_rate.json").write_text(CURVE.to_json())
    outputs = {"tuner_results": SimpleNamespace(uri=str(tmp_path))}

    def run_and_show(title, folder, verbose, build, conclude):
        return conclude({"LearningRateFinder": SimpleNamespace(outputs=outputs)}, 1.5, Path("a.log"))

    monkeypatch.setattr(find_lr, "run_and_show", run_and_show)
    result = invoke(str(pretraining), "--set", "language_model.bptt=20", "--root", "my runs")
    assert result.exit_code == ExitCode.OK, result.stderr
    assert f"Chart: {tmp_path / 'learning_rate.png'}" in result.stdout
    expected = f"ulmfit-tfx run {pretraining} --set language_model.bptt=20 --root 'my runs' --set "
    assert f"{expected}language_model.learning_rate={CURVE.suggestion:.1e}\n" in result.stdout
