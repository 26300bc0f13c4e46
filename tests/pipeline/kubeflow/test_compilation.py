"""What `compile` writes: valid for Kubeflow's own readers, deterministic, and with what the configuration says."""

from pathlib import Path

import pytest
import yaml
from google.protobuf import json_format
from kfp import components
from kfp.pipeline_spec import pipeline_spec_pb2
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.pipeline.kubeflow.compilation import COMMAND, compile_pipeline
from ulmfit_tfx.schemas.beam_arguments import unstaged
from ulmfit_tfx.schemas.config.config_file import load_any_config
from ulmfit_tfx.schemas.errors import ConfigError, ExitCode, UserError

EXAMPLES = Path(__file__).parents[3] / "examples"
CLUSTER = {
    "image": "registry/ulmfit-tfx:1",
    "pipeline_root": "gs://bucket/runs",
    "paths": {"data.path": "gs://bucket/reviews.tsv"},
}


@pytest.fixture
def compiled(tmp_path, reviews, tiny_project):
    """Compiles the small project with fields of `kubeflow` and sections; gives the spec and the documents."""

    def compile_(kubeflow=(), **sections):
        path = tiny_project(tmp_path, reviews[:5], kubeflow=CLUSTER | dict(kubeflow), **sections)
        spec = compile_pipeline(load_any_config(path), tmp_path / "pipeline.yaml")
        return spec, list(yaml.safe_load_all((tmp_path / "pipeline.yaml").read_text()))

    return compile_


def executors(spec):
    deployment = json_format.ParseDict(
        json_format.MessageToDict(spec.deployment_spec), pipeline_spec_pb2.PipelineDeploymentConfig()
    )
    return {name.removesuffix("_executor"): executor.container for name, executor in deployment.executors.items()}


def argument(container, name):
    return container.args[list(container.args).index(name) + 1]


def defaults(spec):
    parameters = spec.root.input_definitions.parameters
    assert all(parameter.is_optional for parameter in parameters.values())
    return {name: parameter.default_value.string_value for name, parameter in parameters.items()}


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.yaml")))
def test_every_example_compiles_to_what_kfp_loads(name, tmp_path):
    target = tmp_path / "pipeline.yaml"
    spec = compile_pipeline(load_any_config(EXAMPLES / f"{name}.yaml"), target)
    documents = list(yaml.safe_load_all(target.read_text()))
    assert json_format.ParseDict(documents[0], pipeline_spec_pb2.PipelineSpec()) == spec
    assert spec.schema_version == "2.1.0"
    loaded = components.load_component_from_file(str(target))
    assert loaded.pipeline_spec == spec
    assert len(loaded.platform_spec.platforms["kubernetes"].deployment_spec.executors) == len(spec.root.dag.tasks)


def test_every_step_runs_an_executor_of_tfx_or_ours_by_our_command(compiled):
    spec, _ = compiled()
    found = executors(spec)
    assert set(found) == set(spec.root.dag.tasks)
    for container in found.values():
        assert (container.image, tuple(container.command)) == ("registry/ulmfit-tfx:1", COMMAND)
        assert argument(container, "--executor_class_path").startswith(("tfx.", "ulmfit_tfx."))
        assert argument(container, "--json_serialized_invocation_args") == "{{$}}"


def test_nothing_of_this_machine_is_in_it(compiled, tmp_path):
    compiled()
    assert str(tmp_path) not in (tmp_path / "pipeline.yaml").read_text()


def test_equal_configurations_give_equal_files_and_no_other_file_is_written(compiled, tmp_path):
    compiled()
    first = (tmp_path / "pipeline.yaml").read_bytes()
    before = set(tmp_path.rglob("*"))
    compiled()
    assert (tmp_path / "pipeline.yaml").read_bytes() == first
    assert set(tmp_path.rglob("*")) == before


def test_artifacts_are_of_standard_types_alone(compiled):
    spec, _ = compiled()
    artifacts = [
        artifact.artifact_type
        for component in spec.components.values()
        for definitions in (component.input_definitions, component.output_definitions)
        for artifact in definitions.artifacts.values()
    ]
    titles = {yaml.safe_load(kind.instance_schema)["title"] for kind in artifacts}
    assert all(title.startswith("tfx.") for title in titles), titles


def test_what_changes_from_run_to_run_is_a_parameter_with_what_is_configured(compiled):
    assert defaults(compiled()[0]) == {
        "data_path": "gs://bucket/reviews.tsv",
        "data_fingerprint": "",
        "training": "{}",
        "checkpoints": "gs://bucket/runs/checkpoints",
        "push_directory": "gs://bucket/runs/serving/tiny",
        "baseline": "gs://bucket/runs/serving/tiny",
    }


def test_language_model_brings_its_own_parameters(compiled):
    spec, _ = compiled(corpus={"path": "gs://bucket/texts.txt", "format": "text"}, language_model={})
    assert {"corpus_path", "corpus_fingerprint", "language_model"} <= set(defaults(spec))


def test_teacher_brings_its_own_parameters(compiled):
    spec, _ = compiled(distillation={"data": {"path": "gs://bucket/taught.jsonl", "format": "jsonl"}})
    found = defaults(spec)
    assert (found["distillation_path"], found["distillation_fingerprint"]) == ("gs://bucket/taught.jsonl", "")


def test_resources_are_those_of_the_step(compiled):
    spec, _ = compiled({"cpu": 2, "memory": "4Gi", "steps": {"Trainer": {"gpu": {"count": 2}, "memory": "16G"}}})
    trainer, pusher = (executors(spec)[name].resources for name in ("Trainer", "Pusher"))
    assert (trainer.cpu_limit, trainer.memory_limit) == (2, 16)
    assert (trainer.accelerator.type, trainer.accelerator.count) == ("nvidia.com/gpu", 2)
    assert (pusher.cpu_limit, pusher.memory_limit) == (2, pytest.approx(4 * 2**30 / 1e9))
    assert not pusher.accelerator.count


def test_retries_are_those_of_every_step(compiled):
    spec, _ = compiled({"retries": 3, "retry_backoff_seconds": 30})
    for task in spec.root.dag.tasks.values():
        assert (task.retry_policy.max_retry_count, task.retry_policy.backoff_duration.seconds) == (3, 30)


@pytest.mark.parametrize("caching", [True, False])
def test_cache_has_what_follows_from_inputs_alone(compiled, caching):
    spec, _ = compiled({"caching": caching})
    cached = {name for name, task in spec.root.dag.tasks.items() if task.caching_options.enable_cache}
    looks_outside = {"BaselineResolver", "StrictExampleValidator", "Pusher"}
    assert cached == (set(spec.root.dag.tasks) - looks_outside if caching else set())


def test_step_that_does_not_measure_drift_looks_at_no_served_model(compiled):
    spec, _ = compiled(data_schema={"drift_threshold": None})
    assert spec.root.dag.tasks["StrictExampleValidator"].caching_options.enable_cache


def test_beam_arguments_reach_every_step(compiled):
    arguments = ["--runner=DirectRunner", "--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    spec, _ = compiled(beam={"pipeline_args": arguments})
    expected = unstaged(arguments)
    assert all(container.args[-len(expected) :] == expected for container in executors(spec).values())


def test_name_is_one_that_a_cluster_takes(compiled):
    assert compiled(name="Few_Labels")[0].pipeline_info.name == "few-labels"


def test_checkpoints_are_in_no_bucket_that_trainings_cannot_write_to(compiled):
    cluster = {"pipeline_root": "minio://mlpipeline/x", "push_directory": "gs://bucket/serving/tiny"}
    assert defaults(compiled(cluster)[0])["checkpoints"] == ""


@pytest.mark.parametrize(
    ("kubeflow", "complaint"),
    [
        ({"paths": {}}, "data.path is "),
        ({"paths": {"data.file": "gs://b/x"}}, "kubeflow.paths names 'data.file'"),
        ({"steps": {"Traner": {"cpu": 1}}}, "kubeflow.steps names 'Traner', which is no step of this pipeline"),
        ({"pipeline_root": "minio://mlpipeline/x"}, "kubeflow.push_directory is missing"),
    ],
)
def test_what_the_cluster_could_not_run_is_refused(compiled, kubeflow, complaint):
    with pytest.raises(ConfigError, match=complaint):
        compiled(kubeflow)


def test_file_that_cannot_be_written_is_named(tmp_path, reviews, tiny_project):
    config = load_any_config(tiny_project(tmp_path, reviews[:5], kubeflow=CLUSTER))
    with pytest.raises(UserError, match=f"{tmp_path}/none/p.yaml: cannot be written"):
        compile_pipeline(config, tmp_path / "none" / "p.yaml")


def test_command_tells_of_steps_and_parameters_and_what_is_next(tmp_path):
    target = tmp_path / "reviews.yaml"
    result = CliRunner().invoke(app, ["compile", str(EXAMPLES / "reviews.yaml"), "--output", str(target)])
    assert result.exit_code == ExitCode.OK, result.output
    assert target.exists()
    shown = " ".join(result.output.split())
    for text in (
        "15 steps",
        "image ulmfit-tfx:",
        "training = '{}'",
        f"ulmfit-tfx replay {target}",
        "ulmfit-tfx submit",
    ):
        assert text in shown


def test_command_without_the_section_says_what_it_takes(tmp_path, reviews, tiny_project):
    path = tiny_project(tmp_path, reviews[:5])
    result = CliRunner().invoke(app, ["compile", str(path), "--output", str(tmp_path / "p.yaml")])
    assert result.exit_code == ExitCode.BAD_USAGE
    assert not (tmp_path / "p.yaml").exists()
