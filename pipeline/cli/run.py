"""`ulmfit-tfx run`: runs a pipeline on this machine."""

import logging
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ulmfit_tfx.components.corpus_ingest.source_files import check_source
from ulmfit_tfx.pipeline.console import output
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.pipeline.run_lock import locked_for_run
from ulmfit_tfx.pipeline.run_log import log_to, silence_native_logs
from ulmfit_tfx.schemas.beam_arguments import as_options
from ulmfit_tfx.schemas.config import BeamConfig, PipelineConfig
from ulmfit_tfx.schemas.config_file import load_config
from ulmfit_tfx.schemas.errors import ConfigError, ExitCode, UserError

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

    from ulmfit_tfx.pipeline.local_runner import StageResult

NAME = "run"
EXAMPLE = "Example: `ulmfit-tfx run examples/reviews.yaml --set training.epochs=2`"

log = logging.getLogger(__name__)


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

Build = Callable[[PipelineConfig, RunFolder], "Pipeline"]
Conclude = Callable[[PipelineConfig, Mapping[str, "StageResult"], float, Path], ExitCode]
"""Shows the results of the stages, by name; the other arguments are the seconds they took and the log file."""


def command(
    config: ConfigArgument, overrides: Overrides = None, root: Root = None, verbose: Verbose = False
) -> ExitCode:
    """Run a pipeline here: ingest, train, evaluate, push. Stages whose input did not change come from cache."""
    return run_pipeline(load_config(config, overrides or ()), config, root, verbose, _build, _conclude)


def _build(config: PipelineConfig, folder: RunFolder) -> "Pipeline":
    from ulmfit_tfx.pipeline.graph import build_pipeline
    from ulmfit_tfx.pipeline.surroundings import LocalSurroundings

    return build_pipeline(config, LocalSurroundings(folder, config.name, config.push.directory))


def _conclude(config: PipelineConfig, results: Mapping[str, "StageResult"], seconds: float, log_file: Path) -> ExitCode:
    from ulmfit_tfx.pipeline.cli.run_summary import show_summary

    return show_summary(output, config, results, seconds, log_file)


def run_pipeline(
    config: PipelineConfig, path: Path, root: Path | None, verbose: bool, build: Build, conclude: Conclude
) -> ExitCode:
    """Runs a pipeline, shows its progress and explains its failure. TFX is imported once the sources have been found.

    Args:
        config: As `load_config` gives it.
        path: Its file, to be named.
        root: Folder of the runs. None: `runs/NAME`.
        verbose: Show the log on the terminal.
        build: Makes the pipeline; imports TFX.
        conclude: Shows the results of the stages.

    Raises:
        UserError: A source cannot be used, or the folder cannot be written.
    """
    check_workers_see_folder(config.beam)
    for source in filter(None, (config.data, config.corpus)):
        check_source(source)
    folder = RunFolder((root or Path("runs") / config.name).resolve())
    return run_stages(
        f"{config.name}: {path}",
        folder,
        verbose,
        lambda: build(config, folder),
        lambda results, seconds, log_file: conclude(config, results, seconds, log_file),
    )


def check_workers_see_folder(beam: BeamConfig) -> None:
    """Demands that Beam's workers can write where a run on this machine has its artifacts.

    Raises:
        ConfigError: They are in a cloud.
    """
    runner = as_options(beam.pipeline_args).get("runner", "")
    if runner.startswith("Dataflow"):
        raise ConfigError(
            f"beam.pipeline_args names {runner}, whose workers do not see this machine's folders. Compile for Kubeflow "
            "with kubeflow.pipeline_root at gs://, see docs/beam.md."
        )


def run_stages(
    title: str,
    folder: RunFolder,
    verbose: bool,
    build: Callable[[], "Pipeline"],
    conclude: Callable[[Mapping[str, "StageResult"], float, Path], ExitCode],
) -> ExitCode:
    """Runs a pipeline in a folder, shows its progress and explains its failure.

    Args:
        title: Shown at the beginning.
        folder: Of the runs.
        verbose: Show the log on the terminal.
        build: Makes the pipeline; imports TFX.
        conclude: Shows the results of the stages, by name; gets the seconds they took and the log file too.

    Raises:
        UserError: The folder cannot be written.
    """
    try:
        log_file = folder.new_log()
    except OSError as error:
        raise UserError(f"{folder.root}: cannot be written: {error.strerror}.") from None
    output.print(f"{title} -> {folder.root}", style="bold", markup=False)
    silence_native_logs()
    with locked_for_run(folder.root, _say_that_cleaning_is_waited_for), log_to(log_file, verbose):
        return _run(log_file, build, conclude)


def _say_that_cleaning_is_waited_for() -> None:
    output.print("Waiting for `ulmfit-tfx clean`, which removes files there", style="dim", markup=False)


def _run(
    log_file: Path,
    build: Callable[[], "Pipeline"],
    conclude: Callable[[Mapping[str, "StageResult"], float, Path], ExitCode],
) -> ExitCode:
    started = time.monotonic()
    output.print("Starting TensorFlow and TFX", style="dim")
    arguments, sys.argv = sys.argv, sys.argv[:1]  # TFX hands sys.argv to absl's flags
    try:
        from ulmfit_tfx.pipeline import local_runner
        from ulmfit_tfx.pipeline.cli.run_display import StageDisplay

        results = local_runner.run(build(), StageDisplay(output))
        return conclude(results, time.monotonic() - started, log_file)
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
