"""Reads a compiled pipeline, and refuses what cannot be run on one machine.

The file is what the compiler of TFX's KubeflowV2DagRunner writes: a YAML document with a `PipelineSpec` of schema 2.1,
and perhaps a second one that says where in the cluster the steps run, which is of no use here.
"""

import dataclasses
import difflib
import graphlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from ulmfit_tfx.schemas.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""Of what becomes the name of a folder."""
_COMPILE = "`ulmfit-tfx compile CONFIG.yaml --output pipeline.yaml` writes one that can be replayed."


@dataclasses.dataclass(frozen=True)
class Step:
    """A task of the pipeline with what it refers to.

    Attributes:
        name: Key of the task.
        task: Where inputs come from, which tasks come before, whether it is cached.
        component: Types of inputs and outputs.
        executor: A container or an importer.
    """

    name: str
    task: pipeline_spec_pb2.PipelineTaskSpec
    component: pipeline_spec_pb2.ComponentSpec
    executor: pipeline_spec_pb2.PipelineDeploymentConfig.ExecutorSpec


@dataclasses.dataclass(frozen=True)
class CompiledPipeline:
    """A pipeline that can be replayed.

    Attributes:
        name: Of the pipeline.
        parameters: Those that a run can be given, by name.
        steps: Each after those that it depends on.
    """

    name: str
    parameters: Mapping[str, pipeline_spec_pb2.ComponentInputsSpec.ParameterSpec]
    steps: tuple[Step, ...]


def read_spec(path: Path) -> CompiledPipeline:
    """Reads a compiled pipeline.

    Raises:
        ConfigError: It cannot be read, is no PipelineSpec of schema 2.1, contradicts itself, or has what is not
            replayed: conditions, loops, exit handlers, nested pipelines, steps that are neither container nor importer.
    """
    try:
        return _checked(_parsed(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not a text file in UTF-8.") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is no YAML: {' '.join(str(error).split())}") from None
    except json_format.ParseError as error:
        what = str(error).splitlines()[0]  # the second line lists the fields
        raise ConfigError(f"{path}: does not fit the schema of compiled pipelines: {what} {_COMPILE}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _parsed(text: str) -> pipeline_spec_pb2.PipelineSpec:
    documents = list(yaml.safe_load_all(text))
    if not documents or not isinstance(documents[0], dict):
        raise ConfigError(f"holds no pipeline. {_COMPILE}")
    if len(documents) > 2 or (len(documents) == 2 and "platforms" not in (documents[1] or {})):
        raise ConfigError(
            "expected a pipeline, and at most a second document, with `platforms`. Were two pipelines put together?"
        )
    return json_format.ParseDict(documents[0], pipeline_spec_pb2.PipelineSpec())


def _checked(spec: pipeline_spec_pb2.PipelineSpec) -> CompiledPipeline:
    if not spec.schema_version.startswith("2.1."):
        raise ConfigError(
            f"schemaVersion is {spec.schema_version or 'missing'}, expected 2.1.0: TFX writes it with "
            f"use_pipeline_spec_2_1=True. {_COMPILE}"
        )
    deployment = pipeline_spec_pb2.PipelineDeploymentConfig()
    json_format.ParseDict(json_format.MessageToDict(spec.deployment_spec), deployment, ignore_unknown_fields=True)
    _check_name("the pipeline", spec.pipeline_info.name)
    steps = {name: _step(name, spec, deployment.executors) for name in sorted(spec.root.dag.tasks)}
    if not steps:
        raise ConfigError("has no tasks in root.dag.")
    parameters = dict(spec.root.input_definitions.parameters)
    for step in steps.values():
        _check_inputs(step, steps, parameters)
    return CompiledPipeline(spec.pipeline_info.name, parameters, tuple(_ordered(steps)))


def _step(name: str, spec: pipeline_spec_pb2.PipelineSpec, executors: Mapping[str, Any]) -> Step:
    task = spec.root.dag.tasks[name]
    _check_name("a task", name)
    component = _find(spec.components, task.component_ref.name, f"task {name!r} is of component", "components")
    for output in (*component.output_definitions.artifacts, *component.output_definitions.parameters):
        _check_name(f"an output of task {name!r}", output)
    if component.HasField("dag"):
        raise ConfigError(f"task {name!r} is a pipeline within the pipeline, which is not replayed.")
    label = component.executor_label
    step = Step(
        name, task, component, _find(executors, label, f"task {name!r} has the executor", "deploymentSpec.executors")
    )
    if refused := _not_replayed(step):
        raise ConfigError(f"task {name!r} {refused}, which is not replayed.")
    return step


def _not_replayed(step: Step) -> str | None:
    """What the step has that a replay does not do."""
    if step.task.WhichOneof("iterator"):
        return "is a loop"
    if step.task.trigger_policy.condition:
        return "runs on a condition"
    if step.task.trigger_policy.strategy == step.task.trigger_policy.ALL_UPSTREAM_TASKS_COMPLETED:
        return "is an exit handler"
    kind = step.executor.WhichOneof("spec")
    if kind not in ("container", "importer"):
        return f"is run by a {kind}" if kind else "has an executor that is neither a container nor an importer"
    if kind == "container" and step.executor.container.HasField("lifecycle"):
        return "has a hook (as TFX's own ExampleGens have, whose drivers open-source Kubeflow leaves out)"
    if kind == "container" and not step.executor.container.command:
        return "has a container without a command (that of its image is not known here)"
    if kind == "importer" and len(step.component.output_definitions.artifacts) != 1:
        return "imports other than one artifact"
    return None


def _check_inputs(step: Step, steps: Mapping[str, Step], parameters: Mapping[str, Any]) -> None:
    """Holds a task's inputs against the component that takes them and the tasks and parameters that they come from.

    Raises:
        ConfigError: One comes from nowhere, is of a kind that is not replayed, or one that must be there is not.
    """
    given, defined = step.task.inputs, step.component.input_definitions
    for task in step.task.dependent_tasks:
        _find(steps, task, f"task {step.name!r} depends on task", "root.dag.tasks")
    for key, artifact in given.artifacts.items():
        what = f"input {key!r} of task {step.name!r}"
        if not artifact.HasField("task_output_artifact"):
            raise ConfigError(f"{what} is an artifact from outside the pipeline, which is not replayed.")
        from_task = artifact.task_output_artifact
        outputs = _outputs(steps, from_task.producer_task, what).artifacts
        _find(outputs, from_task.output_artifact_key, f"{what} is output", f"task {from_task.producer_task!r}")
    for key, parameter in given.parameters.items():
        what, kind = f"parameter {key!r} of task {step.name!r}", parameter.WhichOneof("kind")
        if kind == "task_output_parameter":
            source = parameter.task_output_parameter
            values = _outputs(steps, source.producer_task, what).parameters
            _find(values, source.output_parameter_key, f"{what} is output", f"task {source.producer_task!r}")
        elif kind == "component_input_parameter":
            _find(parameters, parameter.component_input_parameter, f"{what} is", "root.inputDefinitions.parameters")
        elif kind != "runtime_value" or not parameter.runtime_value.HasField("constant"):
            raise ConfigError(f"{what} is a {kind}, which is not replayed.")
        if parameter.parameter_expression_selector:
            raise ConfigError(f"{what} selects a part of a value, which is not replayed.")
    for key, input_ in defined.artifacts.items():
        if key not in given.artifacts and not input_.is_optional:
            raise ConfigError(f"input {key!r} of task {step.name!r} is not optional, and nothing is given.")
    for key, taken in defined.parameters.items():
        if key not in given.parameters and not (taken.is_optional or taken.HasField("default_value")):
            raise ConfigError(f"parameter {key!r} of task {step.name!r} is not optional, and nothing is given.")


def _outputs(steps: Mapping[str, Step], task: str, what: str) -> pipeline_spec_pb2.ComponentOutputsSpec:
    return _find(steps, task, f"{what} comes from task", "root.dag.tasks").component.output_definitions


def producers(task: pipeline_spec_pb2.PipelineTaskSpec) -> set[str]:
    """Names of the tasks that have to be done before."""
    artifacts = {artifact.task_output_artifact.producer_task for artifact in task.inputs.artifacts.values()}
    values = {parameter.task_output_parameter.producer_task for parameter in task.inputs.parameters.values()}
    return {*task.dependent_tasks, *artifacts, *values} - {""}  # those that come from no task


def _ordered(steps: Mapping[str, Step]) -> Iterator[Step]:
    order = graphlib.TopologicalSorter({name: sorted(producers(step.task)) for name, step in steps.items()})
    try:
        yield from (steps[name] for name in order.static_order())
    except graphlib.CycleError as error:
        raise ConfigError(f"the tasks wait for each other: {' <- '.join(error.args[1])}.") from None


def _check_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"the name of {what} is {name!r}; expected letters, digits, '.', '_' and '-', a letter or digit first: "
            "it becomes the name of a folder."
        )


def _find(among: Mapping[str, Any], name: str, what: str, where: str) -> Any:
    if name not in among:
        raise ConfigError(f"{what} {name!r}, which is not in {where}.{nearest(name, among)}")
    return among[name]


def nearest(name: str, among: Iterable[str]) -> str:
    """A sentence that names the likeliest of some names, with a space before; empty where none is like it."""
    found = difflib.get_close_matches(name, list(among), n=1)
    return f" Is {found[0]!r} meant?" if found else ""
