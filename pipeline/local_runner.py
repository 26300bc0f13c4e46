"""Runs a pipeline on this machine, stage by stage, and tells an observer what happens.

TFX's LocalDagRunner does the same and says it to the log alone: it has no hook for a stage's begin, end and cache hit.
"""

import time
import warnings
from datetime import datetime

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import launcher, runtime_parameter_utils

from ulmfit_tfx.pipeline.stages import StageFailedError, StageObserver, StageResult
from ulmfit_tfx.pipeline.surroundings import looks_outside


def run(pipeline: Pipeline, observer: StageObserver) -> dict[str, StageResult]:
    """Runs all stages.

    Returns:
        What each did, by node id, in order.

    Raises:
        StageFailedError: At the first stage that raises.
    """
    uncached = {component.id for component in pipeline.components if looks_outside(component)}
    compiled = compiler.Compiler().compile(pipeline)
    run_id = {constants.PIPELINE_RUN_ID_PARAMETER_NAME: datetime.now().isoformat()}
    with warnings.catch_warnings():  # of protobuf 6, about TFX 1.21, but naming this file
        warnings.filterwarnings("ignore", r"label\(\) is deprecated", DeprecationWarning)
        runtime_parameter_utils.substitute_runtime_parameter(compiled, run_id)
    deployment = runner_utils.extract_local_deployment_config(compiled)
    connection = deployment.metadata_connection_config
    connection = getattr(connection, connection.WhichOneof("connection_config"))
    results = {}
    for number, node in enumerate(compiled.nodes, start=1):
        name = node.pipeline_node.node_info.id
        if name in uncached:
            node.pipeline_node.execution_options.caching_options.enable_cache = False
        observer.stage_started(name, number, len(compiled.nodes))
        started = time.monotonic()
        try:
            execution = launcher.Launcher(
                pipeline_node=node.pipeline_node,
                mlmd_connection=metadata.Metadata(connection),
                pipeline_info=compiled.pipeline_info,
                pipeline_runtime_spec=compiled.runtime_spec,
                executor_spec=runner_utils.extract_executor_spec(deployment, name),
                custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, name),
            ).launch()
        except Exception as error:
            raise StageFailedError(name) from error
        results[name] = StageResult(
            name=name,
            seconds=time.monotonic() - started,
            cached=_is_cached(connection, execution.execution_id),
            outputs=_outputs(connection, execution.execution_id),
        )
        observer.stage_finished(results[name])
    return results


def _is_cached(connection: metadata_store_pb2.ConnectionConfig, execution_id: int) -> bool:
    """Whether nothing was executed; of an importer, whether the artifact had been imported before."""
    with metadata.Metadata(connection) as handle:
        [execution] = handle.store.get_executions_by_id([execution_id])
    return execution.last_known_state == metadata_store_pb2.Execution.CACHED


def _outputs(
    connection: metadata_store_pb2.ConnectionConfig, execution_id: int
) -> dict[str, metadata_store_pb2.Artifact]:
    """Output artifacts as ML Metadata knows them; the launcher's own are wrong for a cached execution."""
    with metadata.Metadata(connection) as handle:
        events = handle.store.get_events_by_execution_ids([execution_id])
        keys = {
            event.artifact_id: event.path.steps[0].key
            for event in events
            if event.type == metadata_store_pb2.Event.OUTPUT
        }
        artifacts = handle.store.get_artifacts_by_id(list(keys))
    return {keys[artifact.id]: artifact for artifact in artifacts}
