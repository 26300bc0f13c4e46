"""Pipelines of small scripts, replayed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from compiled_pipelines import MODEL, CompiledPipeline
from google.protobuf import json_format

from ulmfit_tfx.pipeline.kubeflow.replay import Observer, StepFailedError, replay
from ulmfit_tfx.schemas.errors import ConfigError, UserError

WRITE = "uri('outputs', 'x').mkdir(); (uri('outputs', 'x') / 'text').write_text(parameters.get('text', 'a'))"
READ = "print((uri('inputs', 'x') / 'text').read_text())"


class Recorder(Observer):
    """Notes what an observer is told."""

    def __init__(self):
        self.events = []

    def step_started(self, name, number, of):
        self.events.append((name, number, of))

    def step_finished(self, result):
        self.events.append(result.name)


@pytest.fixture
def run(tmp_path):
    """Replays a pipeline below a folder."""

    def run(pipeline: CompiledPipeline, observer=None, **parameters):
        path = pipeline.write(tmp_path / "pipeline.yaml")
        return replay(path, tmp_path / "root", parameters, observer or Observer())

    return run


@pytest.fixture
def told(run):
    """What a step with one parameter, `p`, is told of it."""

    def told(value="{{run.p}}", kind="STRING", default=None, **parameters):
        pipeline = CompiledPipeline.named()
        pipeline.parameter("p", kind, **({} if default is None else {"defaultValue": default}))
        pipeline.step("A", "print(json.dumps(parameters.get('p')))", parameters={"p": value}, types={"p": kind})
        return json.loads(run(pipeline, **parameters)["A"].log.read_text())

    return told


def cached(results) -> dict[str, bool]:
    return {name: result.cached for name, result in results.items()}


def chain(text="{{run.text}}", **options) -> CompiledPipeline:
    """Write leaves a text, Read reads it."""
    pipeline = CompiledPipeline.named()
    pipeline.parameter("text", defaultValue="a")
    pipeline.step("Write", WRITE, parameters={"text": text}, outputs=("x",), **options)
    pipeline.step("Read", READ, inputs={"x": "Write.x"})
    return pipeline


def test_steps_hand_artifacts_on_in_order_and_the_observer_is_told(run, tmp_path):
    observer = Recorder()
    results = run(chain(), observer, text="żółć\n")
    assert observer.events == [("Write", 1, 2), "Write", ("Read", 2, 2), "Read"]
    assert results["Read"].log.read_text() == "żółć\n\n"
    artifact = results["Write"].artifacts["x"]
    assert Path(artifact.uri).parent.parent.parent == tmp_path / "root" / "artifacts" / "tiny"
    assert Path(artifact.uri).parts[-2:] == ("Write", "x")
    assert artifact.type.instance_schema == MODEL


def test_uri_and_metadata_that_a_step_says_reach_the_next(run, tmp_path):
    pipeline = CompiledPipeline.named()
    script = f"say(artifacts={{'x': {{'artifacts': [{{'uri': '{tmp_path}', 'metadata': {{'rows': 3, 'a': 'b'}}}}]}}}})"
    pipeline.step("A", script, outputs=("x",))
    pipeline.document["components"]["A"]["outputDefinitions"]["artifacts"]["x"]["metadata"] = {"a": "c", "kept": True}
    pipeline.step("B", "print(json.dumps(told['inputs']['artifacts']['x']['artifacts'][0]))", inputs={"x": "A.x"})
    results = run(pipeline)
    given = json.loads(results["B"].log.read_text())
    assert given["uri"] == str(tmp_path)
    assert given["metadata"] == {"rows": 3, "a": "b", "kept": True}
    assert given["name"] == results["A"].artifacts["x"].name != ""


def test_input_artifact_has_no_type_as_kubeflow_pipelines_2_gives_none(run):
    pipeline = chain()
    pipeline.step("Show", "print(told['inputs']['artifacts']['x']['artifacts'][0]['type'])", inputs={"x": "Write.x"})
    assert run(pipeline)["Show"].log.read_text() == "{'instanceSchema': ''}\n"


def test_importer_runs_nothing_and_gives_uri_metadata_and_type(run, tmp_path):
    pipeline = CompiledPipeline.named()
    pipeline.importer("Import", str(tmp_path / "model"), version=3)
    pipeline.step(
        "Show", "print(json.dumps(told['inputs']['artifacts']['x']['artifacts'][0]))", inputs={"x": "Import.result"}
    )
    results = run(pipeline)
    assert results["Import"].log is None
    given = json.loads(results["Show"].log.read_text())
    assert (given["uri"], given["metadata"]) == (str(tmp_path / "model"), {"version": 3})
    assert results["Import"].artifacts["result"].type.instance_schema == MODEL


def test_importer_takes_its_uri_from_a_parameter(run):
    pipeline = CompiledPipeline.named()
    pipeline.parameter("where")
    pipeline.importer("Import", "unused")
    executor = pipeline.document["deploymentSpec"]["executors"]["Import_executor"]["importer"]
    executor["artifactUri"] = {"runtimeParameter": "uri"}
    parameters = {"parameters": {"uri": {"parameterType": "STRING"}}}
    pipeline.document["components"]["Import"]["inputDefinitions"] = parameters
    task = pipeline.document["root"]["dag"]["tasks"]["Import"]
    task["inputs"] = {"parameters": {"uri": {"componentInputParameter": "where"}}}
    assert run(pipeline, where="gs://bucket/m")["Import"].artifacts["result"].uri == "gs://bucket/m"


@pytest.mark.parametrize(("reimport", "again"), [(False, True), (True, False)])
def test_what_is_imported_anew_each_time_is_another_artifact(run, tmp_path, reimport, again):
    pipeline = CompiledPipeline.named()
    pipeline.importer("Import", str(tmp_path), reimport)
    pipeline.step("Show", "", inputs={"x": "Import.result"})
    run(pipeline)
    assert cached(run(pipeline))["Show"] is again


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("STRING", "3", "3"),
        ("STRING", "", ""),
        ("STRING", "{{$.inputs.parameters['p']}}", "{{$.inputs.parameters['p']}}"),
        ("NUMBER_INTEGER", "3", 3),
        ("NUMBER_DOUBLE", "1e-3", 0.001),
        ("BOOLEAN", "True", True),
        ("LIST", "[1, [2]]", [1, [2]]),
        ("STRUCT", '{"epochs": 2}', {"epochs": 2}),
    ],
)
def test_parameter_is_read_as_what_it_is(told, kind, text, value):
    assert told(kind=kind, p=text) == value


def test_parameter_that_is_not_given_has_its_default(told):
    assert told(kind="NUMBER_INTEGER", default=7) == 7


def test_constant_reaches_the_step(told):
    assert told(value=7, kind="NUMBER_INTEGER", p=8) == 7


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("NUMBER_INTEGER", "three", "p: got 'three', expected a whole number"),
        ("NUMBER_INTEGER", 2.5, "p: got 2.5, expected a whole number"),
        ("NUMBER_INTEGER", True, "p: got True, expected a whole number"),
        ("NUMBER_DOUBLE", "nan", "p: got 'nan', expected a number"),
        ("NUMBER_DOUBLE", float("inf"), "p: got inf, expected a number"),
        ("NUMBER_DOUBLE", "9" * 400, "expected a number"),
        ("NUMBER_INTEGER", "9" * 400, "expected a whole number"),
        ("STRING", 3, "p: got 3, expected a text"),
        ("BOOLEAN", "yes", "p: got 'yes', expected true or false"),
        ("LIST", "{}", "p: got '{}', expected a list in JSON"),
        ("STRUCT", "{", "p: got '{', expected an object in JSON"),
    ],
)
def test_parameter_of_another_type_is_refused(told, kind, value, said):
    with pytest.raises(ConfigError) as error:
        told(kind=kind, p=value)
    assert said in str(error.value)


def test_unknown_parameter_is_refused_with_the_nearest_name(run):
    with pytest.raises(ConfigError, match=r"txt: the pipeline has no such parameter. Is 'text' meant\? It has: text\."):
        run(chain(), txt="b")


def test_parameter_without_default_has_to_be_given(told):
    with pytest.raises(ConfigError, match="p: the pipeline needs this parameter"):
        told()


def test_folders_of_a_cluster_become_folders_below_the_root(run, tmp_path):
    names = ("checkpoints", "push_directory", "baseline", "pipeline-root")
    pipeline = CompiledPipeline.named()
    for name in names:
        pipeline.parameter(name, defaultValue="gs://bucket/few_labels")
    pipeline.step("A", "print(json.dumps(parameters))", parameters={name: f"{{{{run.{name}}}}}" for name in names})
    root = tmp_path / "root"
    assert json.loads(run(pipeline)["A"].log.read_text()) == {
        "checkpoints": str(root / "checkpoints"),
        "push_directory": str(root / "serving" / "few_labels"),
        "baseline": str(root / "serving" / "few_labels"),
        "pipeline-root": str(root / "artifacts"),
    }
    given = json.loads(run(pipeline, push_directory="/models", checkpoints="/c")["A"].log.read_text())
    assert (given["push_directory"], given["baseline"], given["checkpoints"]) == ("/models", "/models", "/c")


def test_optional_inputs_and_parameters_may_be_absent(run):
    pipeline = chain()
    pipeline.parameter("unset", isOptional=True)
    pipeline.step("A", "print(json.dumps(told['inputs']))", parameters={"unset": "{{run.unset}}", "given": "g"})
    definitions = pipeline.document["components"]["A"]["inputDefinitions"]
    definitions["parameters"]["unset"]["isOptional"] = True
    definitions["parameters"]["filled"] = {"parameterType": "STRING", "defaultValue": "f", "isOptional": True}
    definitions["artifacts"]["model"] = {"artifactType": {"instanceSchema": MODEL}, "isOptional": True}
    assert json.loads(run(pipeline)["A"].log.read_text()) == {"parameterValues": {"given": "g", "filled": "f"}}


@pytest.mark.parametrize(
    "script",
    [
        "say(parameterValues={'n': 4})",
        "open(told['outputs']['parameters']['n']['outputFile'], 'w').write('4')",
    ],
)
def test_output_parameter_reaches_the_next_step(run, script):
    pipeline = CompiledPipeline.named()
    pipeline.step("A", script, output_parameters={"n": "NUMBER_INTEGER"})
    pipeline.step("B", "print(int(parameters['n']) + 1)", parameters={"n": "{{A.n}}"}, types={"n": "NUMBER_INTEGER"})
    assert run(pipeline)["B"].log.read_text() == "5\n"


def test_output_may_have_any_name_that_is_allowed(run):
    names = ("parameters", "executor_output.json", "said")
    pipeline = CompiledPipeline.named()
    script = "say(); [uri('outputs', key).mkdir() for key in told['outputs']['artifacts']]"
    pipeline.step("A", script, outputs=names)
    assert all(Path(artifact.uri).is_dir() for artifact in run(pipeline)["A"].artifacts.values())


def test_output_parameter_that_was_not_written_is_named(run):
    pipeline = CompiledPipeline.named()
    pipeline.step("A", "", output_parameters={"n": "NUMBER_INTEGER"})
    with pytest.raises(ConfigError, match="output parameter 'n' of task 'A' was not written"):
        run(pipeline)


def test_placeholders_in_the_command_are_replaced_once(run):
    pipeline = chain()
    hostile = "{{$}} {{$.outputs.artifacts['y'].uri}}"
    pipeline.step("A", "", inputs={"x": "Write.x"}, outputs=("y",), parameters={"p": hostile, "n": 4, "r": 1e-7})
    pipeline.document["components"]["A"]["inputDefinitions"]["parameters"] |= {
        "n": {"parameterType": "NUMBER_INTEGER"},
        "r": {"parameterType": "NUMBER_DOUBLE"},
    }
    container = pipeline.document["deploymentSpec"]["executors"]["A_executor"]["container"]
    container["command"] = ["python", "-c", "import json, sys; print(json.dumps(sys.argv[1:]))"]
    container["args"] = [
        "{{$.inputs.parameters['p']}}",
        "n={{$.inputs.parameters['n']}};r={{$.inputs.parameters['r']}}",
        "{{$.inputs.artifacts['x'].uri}} {{$.inputs.artifacts['x'].path}}",
        "{{$.outputs.artifacts['y'].uri}}",
        "{{$.inputs.parameters['absent']}}",
    ]
    results = run(pipeline)
    read = results["Write"].artifacts["x"].uri
    assert json.loads(results["A"].log.read_text()) == [
        hostile,
        "n=4;r=0.0000001",
        f"{read} {read}",
        results["A"].artifacts["y"].uri,
        "{{$.inputs.parameters['absent']}}",
    ]


def test_step_sees_an_empty_folder_and_nothing_of_the_terminal_s_environment(run, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("MY_SECRET", "1")
    pipeline = CompiledPipeline.named()
    script = (
        "print(os.listdir(), os.getcwd() == os.environ['HOME'], sys.executable); print(json.dumps(dict(os.environ)))"
    )
    pipeline.step("A", script, env=[{"name": "LEVEL", "value": "3"}])
    first, second = run(pipeline)["A"].log.read_text().splitlines()
    assert first == f"[] True {sys.executable}"
    variables = json.loads(second)
    assert not {"PYTHONPATH", "MY_SECRET"} & set(variables)
    assert variables["LEVEL"] == "3"


def test_failed_step_is_named_with_its_log_and_stops_the_replay(run):
    pipeline = CompiledPipeline.named()
    pipeline.step("A", "print('about to fail', flush=True); sys.exit('for a reason')")
    pipeline.step("B", "", after=("A",))
    observer = Recorder()
    with pytest.raises(StepFailedError) as error:
        run(pipeline, observer)
    assert (error.value.step, error.value.reason) == ("A", "ended with exit code 1")
    assert error.value.log.read_text() == "about to fail\nfor a reason\n"
    assert observer.events == [("A", 1, 2)]


def test_step_that_a_signal_ends_says_so(run):
    pipeline = CompiledPipeline.named()
    pipeline.step("A", "os.kill(os.getpid(), 9)")
    with pytest.raises(StepFailedError, match="A was ended by signal 9"):
        run(pipeline)


def test_program_that_is_not_there_fails_the_step(run):
    pipeline = CompiledPipeline.named()
    pipeline.step("A", "", command=("no-such-program",))
    with pytest.raises(StepFailedError, match="A could not be started: no-such-program: No such file"):
        run(pipeline)


def test_failed_step_is_tried_again_as_often_as_the_task_says(run, tmp_path):
    pipeline = CompiledPipeline.named()
    tries = f"tries = pathlib.Path('{tmp_path}/tries'); n = len(tries.read_text()) if tries.exists() else 0\n"
    script = tries + "tries.write_text('x' * (n + 1)); sys.exit(n < 2)"
    task = pipeline.step("A", script, cached=False)
    task["retryPolicy"] = {"maxRetryCount": 1, "backoffDuration": "60s"}
    with pytest.raises(StepFailedError):
        run(pipeline)
    assert (tmp_path / "tries").read_text() == "xx"
    task["retryPolicy"]["maxRetryCount"] = 2
    (tmp_path / "tries").unlink()
    run(pipeline)
    assert (tmp_path / "tries").read_text() == "xxx"


def test_failed_replay_goes_on_with_the_step_that_failed(run, tmp_path):
    pipeline = chain()
    pipeline.step("Third", f"sys.exit(not os.path.exists('{tmp_path}/mended'))", after=("Read",))
    with pytest.raises(StepFailedError):
        run(pipeline)
    (tmp_path / "mended").touch()
    assert cached(run(pipeline)) == {"Write": True, "Read": True, "Third": False}


def test_equal_steps_come_from_the_cache_with_the_same_outputs(run):
    first, second = run(chain()), run(chain())
    assert cached(first) == {"Write": False, "Read": False}
    assert cached(second) == {"Write": True, "Read": True}
    assert second["Write"].artifacts == first["Write"].artifacts
    assert second["Read"].log is None


def test_output_parameters_come_from_the_cache_too(run):
    pipeline = CompiledPipeline.named()
    pipeline.step("A", "say(parameterValues={'n': 4})", output_parameters={"n": "NUMBER_INTEGER"})
    run(pipeline)
    result = run(pipeline)["A"]
    assert (result.cached, result.output.parameter_values["n"].number_value) == (True, 4)


def test_another_parameter_runs_the_step_and_those_that_read_from_it(run):
    run(chain(), text="a")
    assert cached(run(chain(), text="b")) == {"Write": False, "Read": False}
    assert cached(run(chain(), text="a")) == {"Write": True, "Read": True}


def test_another_image_runs_the_step(run):
    pipeline = chain()
    run(pipeline)
    pipeline.document["deploymentSpec"]["executors"]["Read_executor"]["container"]["image"] = "image:2"
    assert cached(run(pipeline)) == {"Write": True, "Read": False}


def test_another_pipeline_has_a_cache_of_its_own(run):
    run(chain())
    other = chain()
    other.document["pipelineInfo"]["name"] = "other"
    assert cached(run(other)) == {"Write": False, "Read": False}


def test_step_without_caching_runs_each_time_and_so_do_those_that_read_from_it(run):
    run(chain(cached=False))
    assert cached(run(chain(cached=False))) == {"Write": False, "Read": False}


def test_step_whose_output_was_removed_runs_again(run):
    removed = Path(run(chain())["Write"].artifacts["x"].uri)
    (removed / "text").unlink()
    removed.rmdir()
    assert cached(run(chain())) == {"Write": False, "Read": False}


def test_output_that_a_step_never_wrote_is_not_missed(run):
    pipeline = CompiledPipeline.named()
    pipeline.step("A", "", outputs=("x",))
    run(pipeline)
    assert cached(run(pipeline)) == {"A": True}


def test_interrupted_step_is_ended_with_the_processes_that_it_started(run, tmp_path):
    pipeline = CompiledPipeline.named()
    pipeline.step(
        "A",
        f"""
        import signal, subprocess, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        partial = pathlib.Path("{tmp_path}/partial")
        partial.write_text(f"{{os.getpid()}} {{child.pid}}")
        partial.rename("{tmp_path}/pids")
        time.sleep(600)
        """,
    )

    def interrupt():
        while not (tmp_path / "pids").exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    try:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("ulmfit_tfx.pipeline.kubeflow.replay_container._SECONDS_TO_END", 0.5)
            with pytest.raises(KeyboardInterrupt):
                run(pipeline)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not [pid for pid in map(int, (tmp_path / "pids").read_text().split()) if _runs(pid)]


def _runs(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return state not in ("", "Z")


def test_output_file_that_is_no_json_is_named(run):
    pipeline = CompiledPipeline.named()
    pipeline.step("A", "say(); open(told['outputs']['outputFile'], 'w').write('{')", outputs=("x",))
    with pytest.raises(ConfigError, match=r"executor_output\.json: is no ExecutorOutput"):
        run(pipeline)


def test_root_that_cannot_be_written_is_named(run, tmp_path):
    (tmp_path / "root").touch()
    with pytest.raises(UserError, match="root: cannot be written: Not a directory"):
        run(chain())


def test_everything_lies_below_the_root(run, tmp_path):
    results = run(chain())
    assert {path.name for path in (tmp_path / "root").iterdir()} == {"artifacts", "cache", "logs"}
    for result in results.values():
        for artifact in result.artifacts.values():
            assert json_format.MessageToDict(artifact)["uri"].startswith(str(tmp_path / "root" / "artifacts"))
