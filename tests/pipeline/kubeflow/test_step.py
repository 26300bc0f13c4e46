"""What a step's container runs: artifacts in buckets become the launcher's folders while it does."""

import json

import pytest

from ulmfit_tfx.pipeline.kubeflow import step


@pytest.fixture
def run_step(tmp_path, monkeypatch):
    """Runs a step whose executor writes down what it was given; gives that and the output file."""

    def run(*, inputs, outputs):
        given = {}
        invocation = {
            "inputs": {"artifacts": {key: {"artifacts": [{"uri": uri}]} for key, uri in inputs.items()}},
            "outputs": {
                "artifacts": {key: {"artifacts": [{"uri": uri}]} for key, uri in outputs.items()},
                "outputFile": str(tmp_path / "output.json"),
            },
        }

        def executor(parsed):
            arguments, beam = parsed
            given["invocation"] = json.loads(arguments.json_serialized_invocation_args)
            given["executor"], given["beam"] = arguments.executor_class_path, beam[1:]
            (tmp_path / "output.json").write_text(
                json.dumps({"artifacts": given["invocation"]["outputs"]["artifacts"]})
            )

        monkeypatch.setattr(step.run_executor, "main", executor)
        monkeypatch.setattr(step, "_FOLDERS", {f"{name}://": f"{tmp_path}/{name}/" for name in ("minio", "s3")})
        declared = {key: {"artifactType": {"instanceSchema": f"title: tfx.{key}"}} for key in inputs}
        arguments = ["--executor_class_path", "a.B", "--json_serialized_invocation_args", json.dumps(invocation)]
        arguments += ["--json_serialized_inputs_spec_args", json.dumps({"artifacts": declared})]
        with pytest.raises(SystemExit) as ended:
            step.main(["step.py", *arguments, "--runner=DirectRunner"])
        assert not ended.value.code
        return given, json.loads((tmp_path / "output.json").read_text())

    return run


def uris(side):
    return {key: value["artifacts"][0]["uri"] for key, value in side["artifacts"].items()}


def test_artifacts_in_buckets_are_in_the_folders_of_the_launcher_for_the_executor_alone(run_step, tmp_path):
    given, output = run_step(
        inputs={"model": "minio://mlpipeline/v2/a", "other": "s3://bucket/b"},
        outputs={"report": "minio://mlpipeline/c"},
    )
    expected = {"model": f"{tmp_path}/minio/mlpipeline/v2/a", "other": f"{tmp_path}/s3/bucket/b"}
    assert uris(given["invocation"]["inputs"]) == expected
    assert uris(given["invocation"]["outputs"]) == {"report": f"{tmp_path}/minio/mlpipeline/c"}
    assert uris(output) == {"report": "minio://mlpipeline/c"}


def test_what_tensorflow_reads_itself_stays(run_step):
    given, output = run_step(inputs={"model": "gs://bucket/a"}, outputs={"report": "ram://runs/c"})
    assert uris(given["invocation"]["inputs"]) == {"model": "gs://bucket/a"}
    assert uris(output) == {"report": "ram://runs/c"}


def test_folders_of_outputs_are_there_when_the_executor_starts(run_step, tmp_path):
    run_step(inputs={}, outputs={"report": "s3://bucket/c", "other": str(tmp_path / "a" / "b")})
    assert (tmp_path / "s3" / "bucket" / "c").is_dir()
    assert (tmp_path / "a" / "b").is_dir()


def test_executor_and_beam_arguments_are_passed_on(run_step):
    given, _ = run_step(inputs={}, outputs={})
    assert (given["executor"], given["beam"]) == ("a.B", ["--runner=DirectRunner"])


def test_input_artifacts_are_of_the_types_that_the_component_declares(run_step):
    """Kubeflow Pipelines 2 says none."""
    given, _ = run_step(inputs={"model": "gs://bucket/a"}, outputs={})
    (artifact,) = given["invocation"]["inputs"]["artifacts"]["model"]["artifacts"]
    assert artifact["type"] == {"instanceSchema": "title: tfx.model"}
