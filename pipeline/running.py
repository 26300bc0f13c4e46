"""Runs pipelines on this machine, for the command and for Python users. TFX is imported once the sources are found."""

import contextlib
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ulmfit_tfx.components.corpus_ingest.early_checks import check_rows_are_there
from ulmfit_tfx.components.corpus_ingest.source_files import check_source
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.pipeline.run_lock import locked_for_run
from ulmfit_tfx.pipeline.run_log import log_to, silence_native_logs
from ulmfit_tfx.pipeline.run_result import Run
from ulmfit_tfx.pipeline.stages import RunObserver, StageFailedError, StageResults, Unobserved
from ulmfit_tfx.schemas.beam_arguments import as_options
from ulmfit_tfx.schemas.config.beam import BeamConfig
from ulmfit_tfx.schemas.config.evaluation import LANGUAGE_MODEL_MEASURES, EvaluationConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.errors import ConfigError, RunFailedError, UserError

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

log = logging.getLogger(__name__)

_Concluded = TypeVar("_Concluded")
Conclude = Callable[[StageResults, float, Path], _Concluded]
"""Makes something of what the stages did; the other arguments are the seconds they took and the log file."""


def run(config: PipelineConfig, root: str | Path | None = None, *, progress: bool = True) -> Run:
    """Runs a pipeline on this machine: ingests, trains, evaluates and pushes, as the command `ulmfit-tfx run` does.

        config = ut.load_config("examples/reviews.yaml", ["training.epochs=2"])
        run = ut.run(config, root="runs/reviews")

    Stages whose input did not change come from cache. A run that was interrupted (Ctrl-C, or the kernel's stop) or that
    failed goes on where it stopped if it is called again with the same arguments.

    While it runs, the log file gets Python's logging, warnings, and what goes to standard error, also from native
    libraries; all of them are put back at the end. The progress is shown on standard output.

    Args:
        config: As `load_config` gives it, or a `PipelineConfig` of your own, whose paths are taken from here.
        root: Folder of the runs. None: `runs/NAME` below this one, NAME being the configuration's.
        progress: Print a line when a stage begins and one when it ends, and how a training goes.

    Returns:
        What came out, also where the model is not blessed: `run.blessed` says so.

    Raises:
        ConfigError: The configuration cannot be run here.
        DataError: A source is not there.
        RunFailedError: A stage failed. It says which one and why, and where the log is.
        UserError: The folder cannot be written.
    """
    folder = checked_folder(config, root)
    observer: RunObserver = Unobserved()
    if progress:
        from rich.console import Console

        from ulmfit_tfx.pipeline.stage_display import StageDisplay

        # rich takes a notebook for a terminal, or writes each line as a table of HTML.
        console = Console(highlight=False, soft_wrap=True, force_jupyter=False, force_terminal=sys.stdout.isatty())
        console.print(f"{config.name} -> {folder.root}", style="bold", markup=False)
        if warning := nothing_to_bless_against(config):
            console.print(warning, style="yellow", markup=False)
        observer = StageDisplay(console)
    return run_stages(
        folder,
        lambda: build(config, folder),
        lambda stages, seconds, log_file: Run(config, folder.root, log_file, seconds, stages),
        observer,
        quiet=not progress,
    )


def checked_folder(config: PipelineConfig, root: str | Path | None) -> RunFolder:
    """The folder of a configuration's runs, once its sources are found and Beam's workers can write there.

    Args:
        config: Of the pipeline.
        root: The folder. None: `runs/NAME` below this one.

    Raises:
        ConfigError: The workers are in a cloud.
        DataError: A source is not there.
    """
    check_workers_see_folder(config.beam)
    for source in config.sources.values():
        check_rows_are_there(check_source(source), source)
    return RunFolder(Path(root or Path("runs") / config.name).resolve())


def nothing_to_bless_against(config: PipelineConfig) -> str:
    """What there is to say before a run whose model cannot be blessed, and what to set; "" where it can."""
    evaluation = config.evaluation
    if isinstance(evaluation, EvaluationConfig):
        if evaluation.beaten or evaluation.has_thresholds or evaluation.allowed_drop:
            return ""
        return (
            "Nothing to bless the model against: evaluation.beat is none, and evaluation.thresholds sets none. It will "
            "be trained and not pushed. Set evaluation.beat to baseline, or "
            f"evaluation.thresholds.{config.measures[0]}."
        )
    if any(getattr(evaluation.thresholds, name) is not None for name in LANGUAGE_MODEL_MEASURES):
        return ""
    return (
        "Nothing to bless the language model against: evaluation.thresholds sets none. It will be trained and not "
        "pushed. Set evaluation.thresholds.perplexity."
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


def build(config: PipelineConfig, folder: RunFolder, until: str | None = None) -> "Pipeline":
    """The pipeline of a configuration on this machine; imports TFX. For `until` see `build_pipeline`."""
    from ulmfit_tfx.pipeline.graph import build_pipeline
    from ulmfit_tfx.pipeline.surroundings import LocalSurroundings

    return build_pipeline(config, LocalSurroundings(folder, config.name, config.push.directory), until)


def run_stages(
    folder: RunFolder,
    build: Callable[[], "Pipeline"],
    conclude: Conclude[_Concluded],
    observer: RunObserver,
    verbose: bool = False,
    quiet: bool = False,
) -> _Concluded:
    """Runs a pipeline in a folder, its log in a file there.

    Args:
        folder: Of the runs.
        build: Makes the pipeline; imports TFX.
        conclude: Makes the result, the log still being that of the run.
        observer: Is told how it goes.
        verbose: Show the log on the terminal too.
        quiet: What stages print, such as the progress of a training, goes to the log.

    Raises:
        RunFailedError: A stage, or what is before and after them, raised.
        UserError: The folder cannot be written.
    """
    try:
        log_file = folder.new_log()
        log_file.touch()
    except OSError as error:
        raise ConfigError(
            f"{folder.root}: cannot be written: {error.strerror}. Set another folder as --root."
        ) from None
    silence_native_logs()
    started = time.monotonic()
    locked = locked_for_run(folder.root, observer.waits_for_cleaning, observer.shares_folder)
    with locked, log_to(log_file, verbose):
        observer.loads_libraries()
        arguments, sys.argv = sys.argv, sys.argv[:1]  # TFX hands sys.argv to absl's flags
        try:
            with contextlib.redirect_stdout(sys.stderr) if quiet else contextlib.nullcontext():
                from ulmfit_tfx.pipeline import local_runner

                stages = local_runner.run(build(), observer)
                return conclude(stages, time.monotonic() - started, log_file)
        except StageFailedError as error:
            raise _failed(error.stage, error.__cause__ or error, log_file) from error.__cause__
        except Exception as error:
            raise _failed(None, error, log_file) from error
        finally:
            sys.argv = arguments


def _failed(stage: str | None, cause: BaseException, log_file: Path) -> RunFailedError:
    """Names the stage, the cause in a line and the log, and logs it all."""
    what = stage or "The run"
    log.error("%s failed", what, exc_info=cause)
    known = _user_error(cause)
    text = str(known) if known else f"{type(cause).__name__}: {_first_line(cause)}"
    return RunFailedError(f"{what} failed: {text}", stage, log_file, known)


def _user_error(error: BaseException | None) -> UserError | None:
    """The error meant for people among an exception and its causes."""
    while error is not None and not isinstance(error, UserError):
        error = error.__cause__ or error.__context__
    return error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "no message"
