"""Compiles a configuration to what Kubeflow Pipelines runs: PipelineSpec and platform document in one YAML file."""

from pathlib import Path
from typing import Any, TypeAlias

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner
from tfx.orchestration.pipeline import Pipeline

from ulmfit_tfx.pipeline.bulk_inference import build_bulk_inference
from ulmfit_tfx.pipeline.graph import build_pipeline
from ulmfit_tfx.pipeline.kubeflow.early_checks import for_cluster
from ulmfit_tfx.pipeline.kubeflow.platform_spec import platform_spec
from ulmfit_tfx.pipeline.kubeflow.surroundings import ClusterSurroundings
from ulmfit_tfx.pipeline.surroundings import looks_outside
from ulmfit_tfx.schemas.config.bulk_inference import BulkInferenceConfig
from ulmfit_tfx.schemas.config.kubeflow import KubeflowConfig, StepConfig, memory_bytes
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.errors import ConfigError, UserError

COMMAND = ("python", "-m", "ulmfit_tfx.pipeline.kubeflow.step")
"""Of each step's container."""
MODEL = "model"
"""Parameter of a bulk inference: the model that is asked."""

_ResourceSpec: TypeAlias = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec


def compile_pipeline(config: PipelineConfig | BulkInferenceConfig, target: Path) -> pipeline_spec_pb2.PipelineSpec:
    """Compiles a configuration that has a section `kubeflow`. Equal configurations give equal files.

    Args:
        config: As `load_any_config` gives it.
        target: The YAML file to write. Nothing else is written.

    Returns:
        The first document of the file.

    Raises:
        ConfigError: The section is missing, names an unknown step, or a path is not seen in the cluster.
        UserError: The file cannot be written.
    """
    config = for_cluster(config)
    kubeflow = config.kubeflow
    assert kubeflow is not None
    pipeline = _built(config, kubeflow)
    _check_steps(kubeflow, [component.id for component in pipeline.components])
    spec = _spec(pipeline, kubeflow)
    documents = [json_format.MessageToDict(spec)]
    documents += [platform] if (platform := platform_spec(kubeflow, spec.root.dag.tasks)) else []
    try:
        target.write_text(yaml.safe_dump_all(documents, sort_keys=True, allow_unicode=True), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{target}: cannot be written: {error.strerror}.") from None
    return spec


def _built(config: PipelineConfig | BulkInferenceConfig, kubeflow: KubeflowConfig) -> Pipeline:
    if isinstance(config, BulkInferenceConfig):
        model = RuntimeParameter(name=MODEL, ptype=str, default=config.model)
        return build_bulk_inference(config, ClusterSurroundings(kubeflow, config.name), model)
    return build_pipeline(config, ClusterSurroundings(kubeflow, config.name, config.push.directory))


def _check_steps(kubeflow: KubeflowConfig, names: list[str]) -> None:
    if unknown := sorted(set(kubeflow.steps) - set(names)):
        raise ConfigError(
            f"kubeflow.steps names '{unknown[0]}', which is no step of this pipeline. Its steps: {', '.join(names)}."
        )


def _spec(pipeline: Pipeline, kubeflow: KubeflowConfig) -> pipeline_spec_pb2.PipelineSpec:
    pipeline.enable_cache = kubeflow.caching
    for component in pipeline.components:
        resources = _resources(kubeflow.step(component.id))
        if resources.ListFields():
            component.with_platform_config(resources)
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(
        kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
            default_image=kubeflow.image,
            default_commands=list(COMMAND),
            use_pipeline_spec_2_1=True,  # without it, the file is for one managed service alone
        )
    )
    job = runner.run(pipeline, write_out=False)
    spec = json_format.ParseDict(job["pipelineSpec"], pipeline_spec_pb2.PipelineSpec())
    spec.default_pipeline_root = kubeflow.pipeline_root
    for component in pipeline.components:
        _finish(spec.root.dag.tasks[component.id], component, kubeflow)
    for parameter in _parameters(pipeline):
        described = spec.root.input_definitions.parameters[parameter.name]
        described.default_value.string_value = parameter.default  # TFX leaves it out
        described.is_optional = True
    return spec


def _finish(task: pipeline_spec_pb2.PipelineTaskSpec, component: BaseComponent, kubeflow: KubeflowConfig) -> None:
    if looks_outside(component):
        task.caching_options.enable_cache = False
    if kubeflow.retries:
        task.retry_policy.max_retry_count = kubeflow.retries
        task.retry_policy.backoff_duration.FromSeconds(kubeflow.retry_backoff_seconds)
        task.retry_policy.backoff_factor = 2


def _resources(step: StepConfig) -> _ResourceSpec:
    resources = _ResourceSpec()
    if step.cpu is not None:
        resources.cpu_limit = step.cpu
    if step.memory is not None:
        resources.memory_limit = memory_bytes(step.memory) / 10**9  # the field's unit
    if step.gpu is not None:
        resources.accelerator.type = step.gpu.type
        resources.accelerator.count = step.gpu.count
    return resources


def _parameters(pipeline: Pipeline) -> list[RuntimeParameter]:
    values: list[Any] = [value for component in pipeline.components for value in component.exec_properties.values()]
    return [value for value in values if isinstance(value, RuntimeParameter)]
