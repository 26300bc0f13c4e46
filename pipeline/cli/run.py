"""`ulmfit-tfx run`: runs a pipeline on this machine."""

import logging
import shlex
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from ulmfit_tfx.components.corpus_ingest.source_files import check_source
from ulmfit_tfx.pipeline.cli.console import output
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.pipeline.run_log import log_to, silence_native_logs
from ulmfit_tfx.schemas.config import PipelineConfig
from ulmfit_tfx.schemas.config_file import load_config
from ulmfit_tfx.schemas.errors import ExitCode, UserError

NAME = "run"
EXAMPLE = "Example: `ulmfit-tfx run examples/reviews.yaml --set training.epochs=2`"

log = logging.getLogger(__name__)


def command(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="The pipeline's configuration.")],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a field, such as training.epochs=2. Repeatable."),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option("--root", metavar="DIR", help="Folder of the runs. Default: runs/NAME below this one."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the log on the terminal.")] = False,
) -> ExitCode:
    """Run a pipeline here: ingest, train, evaluate, push. Stages whose input did not change come from cache."""
    checked = load_config(config, overrides or ())
    for source in filter(None, (checked.data, checked.corpus)):
        check_source(source)
    folder = RunFolder((root or Path("runs") / checked.name).resolve())
    try:
        log_file = folder.new_log()
    except OSError as error:
        raise UserError(f"{folder.root}: cannot be written: {error.strerror}.") from None
    output.print(f"{checked.name}: {config} -> {folder.root}", style="bold", markup=False)
    silence_native_logs()
    with log_to(log_file, verbose):
        return _run(checked, folder, log_file)


def _run(config: PipelineConfig, folder: RunFolder, log_file: Path) -> ExitCode:
    started = time.monotonic()
    output.print("Starting TensorFlow and TFX", style="dim")
    arguments, sys.argv = sys.argv, sys.argv[:1]  # TFX hands sys.argv to absl's flags
    try:
        from ulmfit_tfx.pipeline import graph, local_runner
        from ulmfit_tfx.pipeline.cli.run_display import StageDisplay
        from ulmfit_tfx.pipeline.cli.run_summary import show_summary

        results = local_runner.run(graph.build_pipeline(config, folder), StageDisplay(output))
        seconds = time.monotonic() - started
        return show_summary(output, config, results, seconds, log_file)
    except KeyboardInterrupt:
        output.print(f"Interrupted. The same command goes on where it stopped: {shlex.join(arguments)}")
        return ExitCode.INTERRUPTED
    except Exception as error:
        return _explain(error, log_file)
    finally:
        sys.argv = arguments


def _explain(error: Exception, log_file: Path) -> ExitCode:
    """Names the stage, the cause in a line and the log."""
    stage, cause = getattr(error, "stage", "The run"), error.__cause__ if hasattr(error, "stage") else error
    log.error("%s failed", stage, exc_info=cause)
    known = _user_error(cause)
    text = str(known) if known else f"{type(cause).__name__}: {_first_line(cause)}"
    output.print(f"\n{stage} failed: {text}", style="red", markup=False)
    output.print(f"The full log is in {log_file}", markup=False)
    return known.exit_code if known else ExitCode.STAGE_FAILED


def _user_error(error: BaseException | None) -> UserError | None:
    """The error meant for people among an exception and its causes."""
    while error is not None and not isinstance(error, UserError):
        error = error.__cause__ or error.__context__
    return error


def _first_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "no message"
