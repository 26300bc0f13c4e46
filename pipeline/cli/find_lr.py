"""`ulmfit-tfx find-lr`: looks for the learning rate of a language model."""

import functools
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from ulmfit_tfx.pipeline import running
from ulmfit_tfx.pipeline.cli.run import ConfigArgument, Overrides, Root, Verbose, run_and_show
from ulmfit_tfx.pipeline.config_reading import load_config
from ulmfit_tfx.pipeline.console import output
from ulmfit_tfx.pipeline.stages import StageResults
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from ulmfit_tfx.trainer_modules.optimization.learning_rate_finder import LearningRateCurve

NAME = "find-lr"
EXAMPLE = "Example: `ulmfit-tfx find-lr examples/pretrain_then_classify.yaml`"

STAGE = "LearningRateFinder"


def command(
    config: ConfigArgument, overrides: Overrides = None, root: Root = None, verbose: Verbose = False
) -> ExitCode:
    """Look for a language model's learning rate: run the stages up to the finder, which draws the loss by rate."""
    checked = load_config(config, overrides or ())
    if checked.language_model is None:
        raise ConfigError(
            f"{config}: there is no language_model, whose learning rate would be looked for. It needs the section "
            "language_model, and corpus, the text that it is trained on."
        )
    arguments = [str(config), *(word for item in overrides or () for word in ("--set", item))]
    arguments += ["--root", str(root)] if root else []
    folder = running.checked_folder(checked, root)
    return run_and_show(
        f"{checked.name}: {config}",
        folder,
        verbose,
        lambda: running.build(checked, folder, until=STAGE),
        functools.partial(_conclude, arguments, checked),
    )


def _conclude(
    arguments: Sequence[str],
    config: PipelineConfig,
    results: StageResults,
    seconds: float,
    log_file: Path,
) -> ExitCode:
    from ulmfit_tfx.trainer_modules.optimization.learning_rate_finder import LearningRateCurve
    from ulmfit_tfx.trainer_modules.optimization.learning_rate_tuner import CHART_FILE, CURVE_FILE

    found = Path(results[STAGE].outputs["tuner_results"].uri)
    curve = LearningRateCurve.from_json((found / CURVE_FILE).read_text())
    show_curve(output, curve, found / CHART_FILE)
    show_next(output, config, curve.suggestion, arguments)
    output.print(f"{seconds:.1f} s. Log: {log_file}", style="dim", markup=False)
    return ExitCode.OK


def show_curve(console: Console, curve: "LearningRateCurve", chart: Path) -> None:
    """Prints the key points of a curve, the suggestion set off, and where its chart lies."""
    table = Table(box=box.SIMPLE, title="Learning-rate finder", title_justify="left")
    table.add_column()
    table.add_column("learning rate", justify="right", no_wrap=True)
    table.add_column("smoothed loss", justify="right", no_wrap=True)
    points = [
        ("first step", curve.rates[0]),
        ("steepest fall", curve.steepest),
        ("suggestion", curve.suggestion),
        ("lowest loss", curve.lowest),
        ("last step", curve.rates[-1]),
    ]
    for name, rate in sorted(points, key=lambda point: point[1]):
        style = "bold green" if name == "suggestion" else None
        table.add_row(name, f"{rate:.1e}", f"{curve.smoothed_loss_at(rate):.4f}", style=style)
    console.print()
    console.print(table)
    console.print(f"Chart: {chart}", markup=False)


def show_next(console: Console, config: PipelineConfig, rate: float, arguments: Sequence[str]) -> None:
    """Prints the command that trains at a rate.

    Args:
        console: Where to.
        config: Of the pipeline. With `language_model.find_learning_rate`, its run takes the suggestion by itself.
        rate: The suggestion.
        arguments: Of `find-lr`, but for `--verbose`.
    """
    assert config.language_model is not None
    chosen = [] if config.language_model.find_learning_rate else ["--set", f"language_model.learning_rate={rate:.1e}"]
    console.print("\nNext:", style="bold")
    console.print(f"  ulmfit-tfx run {shlex.join([*arguments, *chosen])}", markup=False)
