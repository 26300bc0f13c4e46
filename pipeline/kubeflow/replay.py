"""Runs a compiled pipeline on this machine, step by step, each by its container's command, as Kubeflow would."""

import dataclasses
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from kfp.pipeline_spec import pipeline_spec_pb2

from ulmfit_tfx.pipeline.kubeflow.compiled_pipeline import CompiledPipeline, Step, read_spec
from ulmfit_tfx.pipeline.kubeflow.replay_cache import ReplayCache
from ulmfit_tfx.pipeline.kubeflow.replay_container import container_command, run_container
from ulmfit_tfx.pipeline.kubeflow.replay_executor_input import executor_input, imported, published
from ulmfit_tfx.pipeline.kubeflow.run_parameters import Parameter, run_parameters
from ulmfit_tfx.schemas.errors import UserError


@dataclasses.dataclass(frozen=True)
class StepResult:
    """What a step did.

    Attributes:
        name: The task's.
        seconds: Wall time.
        cached: Whether an earlier replay's outputs were taken.
        output: Its artifacts, one for each key, and parameters.
        log: What the container wrote; None if nothing ran.
    """

    name: str
    seconds: float
    cached: bool
    output: pipeline_spec_pb2.ExecutorOutput
    log: Path | None

    @property
    def artifacts(self) -> dict[str, pipeline_spec_pb2.RuntimeArtifact]:
        """By output."""
        return {key: listed.artifacts[0] for key, listed in self.output.artifacts.items()}


class StepFailedError(Exception):
    """A step's command ended with another exit code than 0.

    Attributes:
        step: Its name.
        reason: What became of it, in a few words.
        log: What it wrote.
    """

    def __init__(self, step: str, reason: str, log: Path):
        super().__init__(f"{step} {reason}, see {log}")
        self.step, self.reason, self.log = step, reason, log


class Observer:
    """Is told of steps; this one does nothing."""

    def step_started(self, name: str, number: int, of: int) -> None:
        """A step begins."""

    def step_finished(self, result: StepResult) -> None:
        """A step is done."""


def replay(
    spec: CompiledPipeline | Path,
    root: Path,
    parameters: Mapping[str, Parameter],
    observer: Observer = Observer(),  # noqa: B008  # it has no state
) -> dict[str, StepResult]:
    """Runs all steps.

    A step that is cached is taken from an earlier replay below the same folder if it was computed from the same. So a
    replay that failed or was killed goes on, if started again, with the step that it did not finish.

    Args:
        spec: A compiled pipeline, or its file.
        root: Folder of the replays:

            root/
                artifacts/PIPELINE/RUN/STEP/OUTPUT    what each step wrote
                cache/                                which outputs follow from what
                checkpoints/                          of trainings
                logs/RUN/STEP.log                     what each step's container wrote
                serving/MODEL/                        pushed models

        parameters: Of the run, by name; those that are left out have their defaults, or are folders below the root.
        observer: Is told of steps.

    Returns:
        What each step did, by name, in order.

    Raises:
        ConfigError: The file holds no pipeline that can be replayed, or a parameter is wrong.
        UserError: The root cannot be written.
        StepFailedError: At the first step that fails.
    """
    if isinstance(spec, Path):
        spec = read_spec(spec)
    root = root.absolute()
    values = run_parameters(spec, root, parameters)
    run = f"{datetime.now():%Y%m%d-%H%M%S-%f}"
    try:
        (root / "logs" / run).mkdir(parents=True)
    except OSError as error:
        raise UserError(f"{root}: cannot be written: {error.strerror}.") from None
    cache = ReplayCache(root / "cache", spec.name)
    results: dict[str, StepResult] = {}
    for number, step in enumerate(spec.steps, start=1):
        observer.step_started(step.name, number, len(spec.steps))
        before = {name: result.output for name, result in results.items()}
        told = executor_input(step, values, before, root / "artifacts" / spec.name / run / step.name)
        log = root / "logs" / run / f"{step.name}.log"
        results[step.name] = _result(step, told, f"{spec.name}/{run}/{step.name}", cache, log)
        observer.step_finished(results[step.name])
    return results


def _result(
    step: Step, told: pipeline_spec_pb2.ExecutorInput, execution: str, cache: ReplayCache, log: Path
) -> StepResult:
    """Runs a step, or takes it from the cache.

    Raises:
        StepFailedError: Its command failed, each time that it was tried.
    """
    started = time.monotonic()

    def result(output: pipeline_spec_pb2.ExecutorOutput, cached: bool = False, log: Path | None = None) -> StepResult:
        return StepResult(step.name, time.monotonic() - started, cached, output, log)

    if step.executor.HasField("importer"):
        return result(imported(step, told, execution))
    caches = step.task.caching_options.enable_cache
    if caches and (found := cache.get(step, told)) is not None:
        return result(found, cached=True)
    _execute(step, told, log)
    output = published(step, told, execution)
    if caches:
        cache.put(step, told, output)
    return result(output, log=log)


def _execute(step: Step, told: pipeline_spec_pb2.ExecutorInput, log: Path) -> None:
    """Runs the container's command, again if it fails and the task is retried, without the backoff between.

    Raises:
        StepFailedError: It failed the last time.
    """
    container = step.executor.container
    command = container_command(container, told)
    written = [listed.artifacts[0].uri for listed in told.outputs.artifacts.values()]
    for path in (*written, *(parameter.output_file for parameter in told.outputs.parameters.values())):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    for _ in range(1 + step.task.retry_policy.max_retry_count):
        Path(told.outputs.output_file).unlink(missing_ok=True)
        try:
            code = run_container(command, {entry.name: entry.value for entry in container.env}, log)
        except OSError as error:
            raise StepFailedError(step.name, f"could not be started: {command[0]}: {error.strerror}", log) from None
        if code == 0:
            return
    raise StepFailedError(
        step.name, f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}", log
    )
