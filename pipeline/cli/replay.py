"""`ulmfit-tfx replay`: runs a compiled pipeline on this machine."""

import collections
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ulmfit_tfx.pipeline.cli.extras import require_kfp
from ulmfit_tfx.pipeline.console import output
from ulmfit_tfx.schemas.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from ulmfit_tfx.pipeline.kubeflow.replay import StepFailedError

NAME = "replay"
EXAMPLE = "Example: `ulmfit-tfx replay pipeline.yaml --root runs/replay --param 'training={\"epochs\": 2}'`"

_LINES_SHOWN = 20


def command(
    pipeline: Annotated[Path, typer.Argument(metavar="PIPELINE.yaml", help="As `ulmfit-tfx compile` writes it.")],
    root: Annotated[Path, typer.Option("--root", metavar="DIR", help="Folder of the replays.")] = Path("runs/replay"),
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            metavar="NAME=VALUE",
            help="A parameter of the run. Repeatable. Unless given here, `checkpoints` is DIR/checkpoints, "
            "`push_directory` is DIR/serving/MODEL, `baseline` is the push_directory, and `pipeline-root` is "
            "DIR/artifacts; others have the defaults of the file.",
        ),
    ] = None,
) -> ExitCode:
    """Run a compiled pipeline here, each step by its container's command, with the Python that runs this.

    Images, resources, volumes and secrets are left aside. Steps that are cached come from earlier replays below DIR; a
    replay that failed or was interrupted goes on, if started again, with the step that it did not finish.
    """
    given = parsed_parameters(parameters or ())
    require_kfp()
    from ulmfit_tfx.pipeline.cli.replay_summary import StepDisplay, show_summary
    from ulmfit_tfx.pipeline.kubeflow import replay as replays

    spec = replays.read_spec(pipeline)
    output.print(f"{spec.name}: {pipeline} -> {root}", style="bold", markup=False)
    started = time.monotonic()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that steps do not outlive the command
    try:
        results = replays.replay(spec, root, given, StepDisplay(output))
    except replays.StepFailedError as error:
        return _explain(error)
    except KeyboardInterrupt:
        again = shlex.join(["ulmfit-tfx", *sys.argv[1:]])
        output.print(f"Interrupted. The same command goes on where it stopped: {again}", markup=False)
        return ExitCode.INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
    artifacts = (root / "artifacts" / spec.name).absolute()
    return show_summary(output, pipeline, artifacts, results, time.monotonic() - started)


def parsed_parameters(parameters: Sequence[str]) -> dict[str, str]:
    """Values by name."""
    parsed: dict[str, str] = {}
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        if not equals or not name:
            raise ConfigError(f"--param {parameter}: expected NAME=VALUE.")
        if name in parsed:
            raise ConfigError(f"--param {name} is given twice.")
        parsed[name] = value
    return parsed


def _explain(error: "StepFailedError") -> ExitCode:
    """Names the step, what became of it, and shows the end of its log."""
    output.print(f"\n{error.step} {error.reason}. Its log ends with:", style="red", markup=False)
    with error.log.open(errors="replace") as log:
        for line in collections.deque(log, _LINES_SHOWN):
            output.print(f"  {line.rstrip()}", markup=False)
    output.print(f"The full log is in {error.log}", markup=False)
    output.print("The same command goes on with this step; those before it that are cached are not run again.")
    return ExitCode.STAGE_FAILED
