"""How a replay is shown: steps as they run, and at the end what they left."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec.pipeline_spec_pb2 import RuntimeArtifact
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ulmfit_tfx.pipeline.kubeflow.replay import Observer, StepResult
from ulmfit_tfx.pipeline.stage_display import StageDisplay
from ulmfit_tfx.schemas.errors import ExitCode

ACCOUNTING = "accounting"
"""Property of ingested examples. `component_specs` calls it so too, but imports TFX."""
Results = Mapping[str, StepResult]


class StepDisplay(StageDisplay, Observer):
    """Prints a line when a step begins and one when it ends."""

    step_started = StageDisplay.stage_started

    def step_finished(self, result: StepResult) -> None:
        """Says how long the step took and, of an ingestion, how many rows there are."""
        counts = [_metadata(artifact, ACCOUNTING) for artifact in result.artifacts.values()]
        self.show_end(result.seconds, result.cached, next(filter(None, counts), None))


def show_summary(console: Console, pipeline: Path, artifacts: Path, results: Results, seconds: float) -> ExitCode:
    """Prints the steps, where things lie, and what can be done next.

    Args:
        console: Where to.
        pipeline: The file that was replayed.
        artifacts: Folder of the artifacts of its replays.
        results: Of the steps, by name.
        seconds: That all took.

    Returns:
        OK, or NOT_BLESSED where a model was evaluated and is not good enough.
    """
    table = Table("step", "seconds", "", "run of the outputs", box=box.SIMPLE)
    for result in results.values():
        runs = sorted({_run(artifact.uri, artifacts) for artifact in result.artifacts.values()})
        how = "from cache" if result.cached else ""
        table.add_row(result.name, f"{result.seconds:.1f}", how, escape("\n".join(runs)))
    console.print()
    console.print(table)
    console.print(f"{'outputs':<11}{_from_here(str(artifacts))}/RUN/STEP", markup=False)
    for name, value in _findings(results, seconds).items():
        console.print(f"{name:<11}{value}", markup=False)
    blessed = all(_metadata(artifact, "blessed") != 0 for artifact in _artifacts(results, "blessing"))
    pushed = _pushed(results)
    if not blessed:
        console.print("The model is not blessed, and not pushed: see the evaluation.", style="red")
    console.print("Next:", style="bold")
    if pushed:
        console.print(f"  ulmfit-tfx show {quote(pushed)}", markup=False)
    console.print(f"  ulmfit-tfx submit {quote(str(pipeline))} --host https://...", markup=False)
    return ExitCode.OK if blessed else ExitCode.NOT_BLESSED


def _run(uri: str, artifacts: Path) -> str:
    """The run that an output is from; the output itself if it lies elsewhere."""
    path = Path(uri)
    return path.relative_to(artifacts).parts[0] if path.is_relative_to(artifacts) else _from_here(uri)


def _findings(results: Results, seconds: float) -> dict[str, str]:
    """What people look for after a run."""
    found = {"wall time": f"{seconds:.1f} s"}
    if pushed := _pushed(results):
        found["model"] = pushed
    for artifact in _artifacts(results, "evaluation"):
        found["evaluation"] = _from_here(artifact.uri)
    for artifact in _artifacts(results, "report"):
        if (page := Path(artifact.uri) / "report.html").is_file():
            found["report"] = _from_here(str(page))
    if logs := [result.log for result in results.values() if result.log is not None]:
        found["logs"] = _from_here(str(logs[0].parent))
    return found


def _pushed(results: Results) -> str | None:
    """Folder of the pushed model."""
    destinations = (_metadata(artifact, "pushed_destination") for artifact in _artifacts(results, "pushed_model"))
    return next((_from_here(str(destination)) for destination in destinations if destination), None)


def _artifacts(results: Results, output: str) -> Iterator[RuntimeArtifact]:
    """Artifacts of all steps that have an output of that name."""
    return (result.artifacts[output] for result in results.values() if output in result.artifacts)


def _metadata(artifact: RuntimeArtifact, key: str) -> Any:
    """Value of a property; None if there is none."""
    return json_format.MessageToDict(artifact.metadata).get(key)


def _from_here(path: str) -> str:
    """The path relative to the current folder where it lies below it."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path
