"""`ulmfit-tfx replay`, as a user sees it."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from compiled_pipelines import CompiledPipeline
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.schemas.errors import ExitCode

WRITE = "uri('outputs', 'x').mkdir()"


@pytest.fixture
def invoke(tmp_path):
    """Runs the command on a pipeline; gives its result."""

    def invoke(pipeline: CompiledPipeline, *options: str):
        path = pipeline.write(tmp_path / "pipeline.yaml")
        arguments = ["replay", str(path), "--root", str(tmp_path / "root"), *options]
        return CliRunner(mix_stderr=False).invoke(app, arguments)

    return invoke


@pytest.fixture
def pipeline() -> CompiledPipeline:
    """Two steps, of which the second ends with the exit code that is the parameter `code`."""
    pipeline = CompiledPipeline.named("mood-of-texts")
    pipeline.parameter("code", "NUMBER_INTEGER", defaultValue=0)
    pipeline.step("Write", WRITE, outputs=("x",))
    script = "print(*range(100), sep='\\n', flush=True); sys.exit(int(parameters['code']))"
    pipeline.step(
        "Read", script, inputs={"x": "Write.x"}, parameters={"code": "{{run.code}}"}, types={"code": "NUMBER_INTEGER"}
    )
    return pipeline


def test_steps_are_shown_as_they_run_and_in_a_table_at_the_end(invoke, pipeline, tmp_path):
    result = invoke(pipeline)
    assert result.exit_code == ExitCode.OK, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == f"mood-of-texts: {tmp_path}/pipeline.yaml -> {tmp_path}/root"
    assert lines[1] == "[ 1/2] Write: runs"
    assert re.fullmatch(r" +\d+\.\d s", lines[2])
    (run,) = re.findall(r"^ *Write +\d+\.\d +(\S+) *$", result.stdout, re.MULTILINE)
    (outputs,) = re.findall(r"^outputs +(\S+)/RUN/STEP$", result.stdout, re.MULTILINE)
    assert (Path(outputs) / run / "Write" / "x").is_dir()
    assert re.search(rf"^logs +{tmp_path}/root/logs/\S+$", result.stdout, re.MULTILINE)


def test_second_replay_comes_from_the_cache_and_says_so(invoke, pipeline):
    invoke(pipeline)
    shown = invoke(pipeline).stdout
    assert shown.count("        from cache") == 2
    assert re.search(r"Read +\d+\.\d +from cache", shown)


def test_failed_step_exits_with_1_and_shows_the_end_of_its_log(invoke, pipeline, tmp_path):
    result = invoke(pipeline, "--param", "code=3")
    assert result.exit_code == ExitCode.STAGE_FAILED
    assert "Read ended with exit code 3. Its log ends with:" in result.stdout
    assert re.findall(r"^  (\d+)$", result.stdout, re.MULTILINE) == [str(number) for number in range(80, 100)]
    (log,) = re.findall(r"^The full log is in (\S+)$", result.stdout, re.MULTILINE)
    assert Path(log).read_text().splitlines() == [str(number) for number in range(100)]
    assert Path(log).is_relative_to(tmp_path / "root" / "logs")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--param", "cod=1"], "cod: the pipeline has no such parameter. Is 'code' meant? It has: code."),
        (["--param", "code=one"], "code: got 'one', expected a whole number."),
        (["--param", "code"], "--param code: expected NAME=VALUE."),
        (["--param", "=1"], "--param =1: expected NAME=VALUE."),
        (["--param", "code=1", "--param", "code=2"], "--param code is given twice."),
    ],
)
def test_wrong_parameter_exits_with_2_before_anything_runs(invoke, pipeline, tmp_path, options, said):
    result = invoke(pipeline, *options)
    assert result.exit_code == ExitCode.BAD_USAGE
    assert said in result.stderr
    assert not (tmp_path / "root").exists()


def test_configuration_instead_of_a_compiled_pipeline_is_told_how_to_compile(tmp_path):
    (tmp_path / "reviews.yaml").write_text("name: reviews\n")
    result = CliRunner(mix_stderr=False).invoke(app, ["replay", str(tmp_path / "reviews.yaml")])
    assert result.exit_code == ExitCode.BAD_USAGE
    assert "`ulmfit-tfx compile CONFIG.yaml --output pipeline.yaml`" in result.stderr


def test_rows_of_an_ingestion_model_evaluation_and_report_are_shown(invoke, tmp_path):
    pipeline = CompiledPipeline.named()
    counts = '{"rows": {"train": 8}, "quarantined": {"empty": 1}, "dropped": {}, "labels": {}, "rows_in": 9}'
    _says(pipeline, "CorpusIngest", "examples", accounting=counts)
    _says(pipeline, "TaskEvaluator", "blessing", blessed=1)
    _says(pipeline, "Pusher", "pushed_model", pushed=1, pushed_destination=f"{tmp_path}/serving/17")
    pipeline.step("Evaluator", "", outputs=("evaluation",))
    script = "uri('outputs', 'report').mkdir(); (uri('outputs', 'report') / 'report.html').touch()"
    pipeline.step("EvaluationReport", script, outputs=("report",))
    result = invoke(pipeline)
    assert result.exit_code == ExitCode.OK
    assert re.search(r"s  9 rows in = 8 train \+ 1 quarantined$", result.stdout, re.MULTILINE)
    assert re.search(rf"^model +{tmp_path}/serving/17$", result.stdout, re.MULTILINE)
    assert re.search(r"^evaluation +\S+/Evaluator/evaluation$", result.stdout, re.MULTILINE)
    assert re.search(r"^report +\S+/EvaluationReport/report/report.html$", result.stdout, re.MULTILINE)
    assert f"  ulmfit-tfx show {tmp_path}/serving/17" in result.stdout


def test_model_that_is_not_blessed_exits_with_4(invoke):
    pipeline = CompiledPipeline.named()
    _says(pipeline, "TaskEvaluator", "blessing", blessed=0)
    result = invoke(pipeline)
    assert result.exit_code == ExitCode.NOT_BLESSED
    assert "The model is not blessed" in result.stdout


def _says(pipeline: CompiledPipeline, step: str, output: str, **metadata) -> None:
    artifacts = {output: {"artifacts": [{"metadata": metadata}]}}
    pipeline.step(step, f"say(artifacts={artifacts!r})", outputs=(output,))


def _heed_interrupts() -> None:
    """As at a terminal: a shell's background job ignores them, and so do the processes that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_replay_exits_with_130_ends_its_step_and_goes_on_later(tmp_path, number):
    pipeline = CompiledPipeline.named()
    pipeline.step("First", WRITE, outputs=("x",))
    pid = tmp_path / "pid"
    script = f"import time; pathlib.Path('{pid}').write_text(str(os.getpid())); time.sleep(600)"
    pipeline.step("Second", script, inputs={"x": "First.x"})
    path = pipeline.write(tmp_path / "pipeline.yaml")
    command = [sys.executable, "-m", "ulmfit_tfx.pipeline", "replay", str(path), "--root", str(tmp_path / "root")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=_heed_interrupts)
    while not (pid.exists() and pid.read_text()):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    process.send_signal(number)
    shown, _ = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    assert "Interrupted. The same command goes on where it stopped: ulmfit-tfx replay " in shown
    assert not Path(f"/proc/{pid.read_text()}").exists()

    pipeline.step("Second", "", inputs={"x": "First.x"})
    pipeline.write(path)
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == ExitCode.OK
    assert again.stdout.count("        from cache") == 1


def test_help_says_which_folders_a_replay_chooses_and_imports_nothing_heavy():
    script = (
        "import sys\n"
        "from ulmfit_tfx.pipeline.cli.app import app\n"
        "app(['replay', '--help'], standalone_mode=False)\n"
        "heavy = {'tensorflow', 'tfx', 'kfp', 'keras', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Example: ulmfit-tfx replay" in done.stdout
    for name in ("checkpoints", "push_directory", "baseline", "pipeline-root"):
        assert name in done.stdout


def test_replay_imports_neither_tensorflow_nor_tfx(tmp_path, pipeline):
    """What the steps need is not held in memory twice."""
    path = pipeline.write(tmp_path / "pipeline.yaml")
    script = (
        "import sys\n"
        "from ulmfit_tfx.pipeline.cli.app import app\n"
        f"code = app(['replay', {str(path)!r}, '--root', {str(tmp_path / 'root')!r}], standalone_mode=False)\n"
        "heavy = {'tensorflow', 'tfx', 'keras'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
