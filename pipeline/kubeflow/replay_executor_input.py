"""What a step is told and what it says afterwards.

The former is the `ExecutorInput` that Kubeflow's driver makes, the latter what its launcher publishes.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from google.protobuf import json_format, struct_pb2
from google.protobuf.message import Message
from kfp.pipeline_spec import pipeline_spec_pb2

from ulmfit_tfx.pipeline.kubeflow.compiled_pipeline import Step
from ulmfit_tfx.pipeline.kubeflow.run_parameters import check_type, to_value
from ulmfit_tfx.schemas.errors import ConfigError

Values = Mapping[str, struct_pb2.Value]

_SAID = ".said"
"""Folder of what a step says. No output has that name: those begin with a letter or digit."""


def executor_input(
    step: Step, run_values: Values, before: Mapping[str, pipeline_spec_pb2.ExecutorOutput], folder: Path
) -> pipeline_spec_pb2.ExecutorInput:
    """What a step is told.

    Args:
        step: The step.
        run_values: The run's parameters.
        before: What the steps before left, by name.
        folder: Of the step: an output artifact is a folder below it.

    Raises:
        ConfigError: A parameter is of another type than the step's component takes.
    """
    told = pipeline_spec_pb2.ExecutorInput()
    for key, source in step.task.inputs.artifacts.items():
        origin = source.task_output_artifact
        told.inputs.artifacts[key].CopyFrom(before[origin.producer_task].artifacts[origin.output_artifact_key])
        # As Kubeflow Pipelines 2 does: its metadata store does not keep the schema.
        told.inputs.artifacts[key].artifacts[0].type.instance_schema = ""
    for key, value in _parameters(step, run_values, before).items():
        told.inputs.parameter_values[key].CopyFrom(value)
    for key, output in step.component.output_definitions.artifacts.items():
        told.outputs.artifacts[key].artifacts.add(
            uri=str(folder / key), type=output.artifact_type, metadata=output.metadata
        )
    for key in step.component.output_definitions.parameters:
        told.outputs.parameters[key].output_file = str(folder / _SAID / "parameters" / key)
    told.outputs.output_file = str(folder / _SAID / "executor_output.json")
    return told


def _parameters(
    step: Step, run_values: Values, before: Mapping[str, pipeline_spec_pb2.ExecutorOutput]
) -> dict[str, struct_pb2.Value]:
    """Values of a step's parameters. Optional ones may have none."""
    found = {}
    for key, definition in step.component.input_definitions.parameters.items():
        given = step.task.inputs.parameters.get(key, pipeline_spec_pb2.TaskInputsSpec.InputParameterSpec())
        value = definition.default_value if definition.HasField("default_value") else None
        if given.HasField("runtime_value"):
            value = given.runtime_value.constant
        elif given.HasField("component_input_parameter"):
            value = run_values.get(given.component_input_parameter, value)
        elif given.HasField("task_output_parameter"):
            source = given.task_output_parameter
            value = before[source.producer_task].parameter_values[source.output_parameter_key]
        if value is not None:
            found[key] = check_type(f"parameter {key!r} of task {step.name!r}", value, definition.parameter_type)
        elif not definition.is_optional:
            raise ConfigError(f"parameter {key!r} of task {step.name!r} is not optional, and nothing is given.")
    return found


def published(step: Step, told: pipeline_spec_pb2.ExecutorInput, name: str) -> pipeline_spec_pb2.ExecutorOutput:
    """Output artifacts, one for each key, and parameters of a step that is done.

    The step's output file says uri and metadata that differ from what it was told. A parameter of which it says nothing
    is read from the parameter's own file.

    Args:
        step: The step.
        told: What it was told.
        name: Of the execution; the artifacts' names begin with it.

    Raises:
        ConfigError: The step wrote what cannot be read, or left out a parameter.
    """
    said, output = pipeline_spec_pb2.ExecutorOutput(), pipeline_spec_pb2.ExecutorOutput()
    file = Path(told.outputs.output_file)
    if file.exists():
        try:
            json_format.Parse(file.read_text(encoding="utf-8"), said, ignore_unknown_fields=True)
        except (json_format.ParseError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file}: is no ExecutorOutput: {error}") from None
    for key, listed in told.outputs.artifacts.items():
        artifact = output.artifacts[key].artifacts.add(name=f"{name}/{key}")
        artifact.MergeFrom(listed.artifacts[0])
        for changed in said.artifacts[key].artifacts[:1]:
            artifact.MergeFrom(pipeline_spec_pb2.RuntimeArtifact(uri=changed.uri, metadata=changed.metadata))
    for key, parameter in told.outputs.parameters.items():
        is_said = key in said.parameter_values
        value = said.parameter_values[key] if is_said else _from_file(step, key, Path(parameter.output_file))
        output.parameter_values[key].CopyFrom(value)
    return output


def _from_file(step: Step, key: str, file: Path) -> struct_pb2.Value:
    what = f"output parameter {key!r} of task {step.name!r}"
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{what} was not written: {file}: {error.strerror}.") from None
    return to_value(what, text, step.component.output_definitions.parameters[key].parameter_type)


def imported(step: Step, told: pipeline_spec_pb2.ExecutorInput, name: str) -> pipeline_spec_pb2.ExecutorOutput:
    """The artifact of an importer, which has no container.

    Args:
        step: The step.
        told: What a container would be told.
        name: Of the execution: the artifact's if it is imported anew each time; else the same content has one name.

    Raises:
        ConfigError: It is not said where the artifact lies.
    """
    importer = step.executor.importer
    parameter = importer.artifact_uri.runtime_parameter
    uri = (told.inputs.parameter_values[parameter] if parameter else importer.artifact_uri.constant).string_value
    if not uri:
        raise ConfigError(f"task {step.name!r} imports an artifact, and its uri is empty.")
    (key,) = step.component.output_definitions.artifacts
    output = pipeline_spec_pb2.ExecutorOutput()
    artifact = output.artifacts[key].artifacts.add(uri=uri, type=importer.type_schema, metadata=importer.metadata)
    artifact.name = f"{name}/{key}" if importer.reimport else f"imported/{digest(artifact)[:16]}"
    return output


def digest(*parts: Message) -> str:
    """Of what the messages hold."""
    content = json.dumps([json_format.MessageToDict(part) for part in parts], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
