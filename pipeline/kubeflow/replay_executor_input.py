"""What a step is told and what it says afterwards.

The former is the `ExecutorInput` that Kubeflow's driver makes, the latter what its launcher publishes.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from google.protobuf import json_format, struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

from ulmfit_tfx.pipeline.kubeflow.compiled_pipeline import Step
from ulmfit_tfx.pipeline.kubeflow.run_parameters import check_type, to_value
from ulmfit_tfx.schemas.errors import ConfigError

Artifacts = Mapping[str, pipeline_spec_pb2.RuntimeArtifact]
Values = Mapping[str, struct_pb2.Value]

_SAID = ".said"
"""Folder of what a step says. No output has that name: those begin with a letter or digit."""


def executor_input(
    step: Step,
    run_values: Values,
    artifacts: Mapping[str, Artifacts],
    values: Mapping[str, Values],
    folder: Path,
) -> pipeline_spec_pb2.ExecutorInput:
    """What a step is told.

    Args:
        step: The step.
        run_values: The run's parameters.
        artifacts: Output artifacts of the steps before, by step and output.
        values: Output parameters of the steps before, by step and output.
        folder: Of the step: an output artifact is a folder below it.

    Raises:
        ConfigError: A parameter is of another type than the step's component takes.
    """
    told = pipeline_spec_pb2.ExecutorInput()
    for key, source in sorted(step.task.inputs.artifacts.items()):
        origin = source.task_output_artifact
        artifact = told.inputs.artifacts[key].artifacts.add()
        artifact.CopyFrom(artifacts[origin.producer_task][origin.output_artifact_key])
        artifact.type.instance_schema = ""  # as Kubeflow Pipelines 2 does: its metadata store does not keep the schema
    for key, value in _parameters(step, run_values, values).items():
        told.inputs.parameter_values[key].CopyFrom(value)
    for key, output in sorted(step.component.output_definitions.artifacts.items()):
        told.outputs.artifacts[key].artifacts.add(
            uri=str(folder / key), type=output.artifact_type, metadata=output.metadata
        )
    for key in sorted(step.component.output_definitions.parameters):
        told.outputs.parameters[key].output_file = str(folder / _SAID / "parameters" / key)
    told.outputs.output_file = str(folder / _SAID / "executor_output.json")
    return told


def _parameters(step: Step, run_values: Values, values: Mapping[str, Values]) -> dict[str, struct_pb2.Value]:
    """Values of a step's parameters. Optional ones may have none."""
    found = {}
    for key, definition in sorted(step.component.input_definitions.parameters.items()):
        given = step.task.inputs.parameters.get(key)
        kind = given.WhichOneof("kind") if given is not None else None
        if kind == "runtime_value":
            value = given.runtime_value.constant
        elif kind == "component_input_parameter":
            value = run_values.get(given.component_input_parameter)
        elif kind == "task_output_parameter":
            value = values[given.task_output_parameter.producer_task][given.task_output_parameter.output_parameter_key]
        else:
            value = None
        if value is None and definition.HasField("default_value"):
            value = definition.default_value
        if value is not None:
            found[key] = check_type(f"parameter {key!r} of task {step.name!r}", value, definition.parameter_type)
        elif not definition.is_optional:
            raise ConfigError(f"parameter {key!r} of task {step.name!r} is not optional, and nothing is given.")
    return found


def published(
    step: Step, told: pipeline_spec_pb2.ExecutorInput, name: str
) -> tuple[dict[str, pipeline_spec_pb2.RuntimeArtifact], dict[str, struct_pb2.Value]]:
    """Output artifacts and parameters of a step that is done.

    The step's output file says uri and metadata that differ from what it was told. A parameter of which it says nothing
    is read from the parameter's own file.

    Args:
        step: The step.
        told: What it was told.
        name: Of the execution; the artifacts' names begin with it.

    Raises:
        ConfigError: The step wrote what cannot be read, or left out a parameter.
    """
    said = pipeline_spec_pb2.ExecutorOutput()
    file = Path(told.outputs.output_file)
    if file.exists():
        try:
            json_format.Parse(file.read_text(encoding="utf-8"), said, ignore_unknown_fields=True)
        except (json_format.ParseError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file}: is no ExecutorOutput: {error}") from None
    artifacts = {}
    for key, listed in told.outputs.artifacts.items():
        artifact = artifacts[key] = pipeline_spec_pb2.RuntimeArtifact()
        artifact.CopyFrom(listed.artifacts[0])
        artifact.name = f"{name}/{key}"
        if said.artifacts[key].artifacts:
            changed = said.artifacts[key].artifacts[0]
            artifact.uri = changed.uri or artifact.uri
            artifact.metadata.update(json_format.MessageToDict(changed.metadata))
    return artifacts, {
        key: said.parameter_values[key]
        if key in said.parameter_values
        else _from_file(step, key, Path(out.output_file))
        for key, out in told.outputs.parameters.items()
    }


def _from_file(step: Step, key: str, file: Path) -> struct_pb2.Value:
    what = f"output parameter {key!r} of task {step.name!r}"
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{what} was not written: {file}: {error.strerror}.") from None
    return to_value(what, text, step.component.output_definitions.parameters[key].parameter_type)


def imported(
    step: Step, told: pipeline_spec_pb2.ExecutorInput, name: str
) -> dict[str, pipeline_spec_pb2.RuntimeArtifact]:
    """The artifact of an importer, which has no container.

    Args:
        step: The step.
        told: What a container would be told.
        name: Of the execution: the artifact's if it is imported anew each time; else the same content has one name.

    Raises:
        ConfigError: It is not said where the artifact lies.
    """
    importer = step.executor.importer
    source = importer.artifact_uri
    parameter = source.runtime_parameter
    uri = (told.inputs.parameter_values[parameter] if parameter else source.constant).string_value
    if not uri:
        raise ConfigError(f"task {step.name!r} imports an artifact, and its uri is empty.")
    (key,) = step.component.output_definitions.artifacts
    artifact = pipeline_spec_pb2.RuntimeArtifact(uri=uri, type=importer.type_schema, metadata=importer.metadata)
    content = json.dumps(json_format.MessageToDict(artifact), sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    artifact.name = f"{name}/{key}" if importer.reimport else f"imported/{digest}"
    return {key: artifact}
