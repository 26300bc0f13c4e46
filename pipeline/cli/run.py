"""`ulmfit-tfx run`: runs a pipeline on this machine."""

import functools
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ulmfit_tfx.pipeline import running
from ulmfit_tfx.pipeline.config_reading import load_config
from ulmfit_tfx.pipeline.console import output
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.pipeline.running import Conclude
from ulmfit_tfx.pipeline.stage_display import StageDisplay
from ulmfit_tfx.pipeline.stages import StageResults
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.errors import ExitCode, RunFailedError

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

NAME = "run"
EXAMPLE = "Example: `ulmfit-tfx run examples/reviews.yaml --set training.epochs=2`"

ConfigArgument = Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="The pipeline's configuration.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a field, such as training.epochs=2. Repeatable."),
]
Root = Annotated[
    Path | None,
    typer.Option("--root", metavar="DIR", help="Folder of the runs. Default: runs/NAME below this one."),
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show the log on the terminal.")]


def command(
    config: ConfigArgument, overrides: Overrides = None, root: Root = None, verbose: Verbose = False
) -> ExitCode:
    """Run a pipeline here: ingest, train, evaluate, push. Stages whose input did not change come from cache."""
    checked = load_config(config, overrides or ())
    folder = running.checked_folder(checked, root)
    if warning := running.nothing_to_bless_against(checked):
        output.print(warning, style="yellow", markup=False)
    return run_and_show(
        f"{checked.name}: {config}",
        folder,
        verbose,
        lambda: running.build(checked, folder),
        functools.partial(_conclude, checked),
    )


def _conclude(config: PipelineConfig, results: StageResults, seconds: float, log_file: Path) -> ExitCode:
    from ulmfit_tfx.pipeline.cli.run_summary import show_summary

    return show_summary(output, config, results, seconds, log_file)


def run_and_show(
    title: str, folder: RunFolder, verbose: bool, build: Callable[[], "Pipeline"], conclude: Conclude[ExitCode]
) -> ExitCode:
    """Runs a pipeline in a folder, shows its progress and explains its failure.

    Args:
        title: Shown at the beginning.
        folder: Of the runs.
        verbose: Show the log on the terminal.
        build: Makes the pipeline; imports TFX.
        conclude: Shows the results of the stages.

    Raises:
        UserError: The folder cannot be written.
    """
    output.print(f"{title} -> {folder.root}", style="bold", markup=False)
    try:
        return running.run_stages(folder, build, conclude, StageDisplay(output), verbose)
    except KeyboardInterrupt:
        output.print(f"Interrupted. The same command goes on where it stopped: {shlex.join(sys.argv)}", markup=False)
        return ExitCode.INTERRUPTED
    except RunFailedError as error:
        output.print(f"\n{error.failure}", style="red", markup=False)
        output.print(f"The full log is in {error.log}", markup=False)
        return error.exit_code
