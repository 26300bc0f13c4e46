import importlib.util
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.cli.app import app


def invoke(*arguments: str):
    return CliRunner(mix_stderr=False).invoke(app, list(arguments))


COMMANDS = (
    *("init", "run", "find-lr", "import-encoder", "predict", "bulk-infer", "complete", "show"),
    *("compile", "replay", "submit", "rollback", "skew"),
)


def test_help_needs_neither_tensorflow_nor_tfx():
    script = (
        "import sys\n"
        "from ulmfit_tfx.pipeline.cli.app import app\n"
        f"for arguments in {[['--help'], *([command, '--help'] for command in COMMANDS)]}:\n"
        "    app(arguments, standalone_mode=False)\n"
        "    heavy = {'tensorflow', 'tfx', 'keras', 'kfp', 'apache_beam', 'numpy', 'sklearn', 'matplotlib'}\n"
        "    heavy &= set(sys.modules)\n"
        "    assert not heavy, (arguments, heavy)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage:") == 1 + len(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example(command):
    assert f"ulmfit-tfx {command} " in invoke(command, "--help").stdout.replace("\n", " ")


def test_wrong_configuration_exits_with_2_and_names_the_field(tmp_path, reviews, tiny_project):
    config = tiny_project(tmp_path, reviews[:10])
    result = invoke("run", str(config), "--set", "training.epoch=3")
    assert result.exit_code == 2
    assert "--set: training.epoch is not a known field. Did you mean 'epochs'?" in result.stderr


def test_missing_configuration_exits_with_2(tmp_path):
    result = invoke("run", str(tmp_path / "none.yaml"))
    assert result.exit_code == 2
    assert "none.yaml: no such file" in result.stderr


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("data.path=nowhere.tsv", "nowhere.tsv: no such file"),
        ("data.text_column=reviw", "there is no column 'reviw'. Columns: review, mood. Did you mean 'review'?"),
    ],
)
def test_data_that_cannot_be_used_exits_with_3_before_tfx_is_imported(
    tmp_path, reviews, tiny_project, setting, expected
):
    config = tiny_project(tmp_path, reviews[:10])
    result = invoke("run", str(config), "--root", str(tmp_path / "root"), "--set", setting)
    assert result.exit_code == 3
    assert expected in result.stderr
    assert "Starting TensorFlow" not in result.stdout


@pytest.mark.parametrize("command", ["predict", "show"])
def test_folder_without_a_model_exits_with_2(tmp_path, command):
    result = invoke(command, str(tmp_path))
    assert result.exit_code == 2
    assert "neither a SavedModel nor a folder of numbered versions" in result.stderr
    assert "no such folder" in invoke(command, str(tmp_path / "none")).stderr


def test_damaged_model_exits_with_2(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"damaged")
    result = invoke("predict", str(tmp_path), "a text")
    assert result.exit_code == 2
    assert "the SavedModel does not load" in result.stderr


def test_predict_without_text_exits_with_2(tmp_path):
    (tmp_path / "saved_model.pb").touch()
    result = CliRunner(mix_stderr=False).invoke(app, ["predict", str(tmp_path)], input="")
    assert result.exit_code == 2
    assert "there is no text to label" in result.stderr


def test_workers_in_a_cloud_are_no_workers_of_a_run_on_this_machine(tmp_path, reviews, tiny_project):
    arguments = ["--runner=DataflowRunner", "--project=p", "--region=r", "--temp_location=gs://b/t"]
    arguments.append("--sdk_container_image=registry/ulmfit-tfx:1")
    config = tiny_project(tmp_path, reviews[:10], beam={"pipeline_args": arguments})
    result = invoke("run", str(config), "--root", str(tmp_path / "root"))
    assert result.exit_code == 2
    assert "whose workers do not see this machine's folders" in " ".join(result.stderr.split())


def test_beam_arguments_that_cannot_work_are_refused(tmp_path, reviews, tiny_project):
    arguments = ["--runner=DirectRunner", "--direct_num_workers=2"]
    config = tiny_project(tmp_path, reviews[:10], beam={"pipeline_args": arguments})
    result = invoke("run", str(config), "--root", str(tmp_path / "root"))
    assert result.exit_code == 2
    assert "beam.pipeline_args" in result.stderr
    assert "has no effect with --direct_running_mode=in_memory" in " ".join(result.stderr.split())


@pytest.mark.parametrize("command", ["compile", "replay", "submit"])
def test_without_the_extra_of_kubeflow_its_commands_say_how_to_get_it(
    command, tmp_path, monkeypatch, reviews, tiny_project
):
    kubeflow = {"image": "i", "pipeline_root": "gs://b", "host": "http://localhost:1"}
    config = tiny_project(tmp_path, reviews[:10], kubeflow=kubeflow)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = invoke(command, str(config))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "pip install 'ulmfit-tfx[kfp]'" in result.stderr
