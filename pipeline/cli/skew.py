"""`ulmfit-tfx skew`: compares what a model is asked about with what it was trained on."""

import contextlib
import glob
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ulmfit_tfx.pipeline.config_reading import load_config
from ulmfit_tfx.pipeline.console import output
from ulmfit_tfx.pipeline.run_log import silence_libraries
from ulmfit_tfx.schemas.errors import ConfigError, ExitCode
from ulmfit_tfx.schemas.remote_paths import is_remote

if TYPE_CHECKING:
    from ulmfit_tfx.pipeline.tools.skew.comparison import SkewReport

NAME = "skew"
EXAMPLE = "Example: `ulmfit-tfx skew requests.jsonl --statistics runs/reviews`"

_SHOWN = 5


def command(
    logs: Annotated[
        list[str],
        typer.Argument(
            metavar="LOGS...",
            help="Logged requests: TFRecords of PredictionLogs or JSON Lines of REST bodies, also gzipped or remote.",
        ),
    ],
    statistics: Annotated[
        str,
        typer.Option(
            "--statistics",
            metavar="DIR",
            help="The run (runs/NAME) that trained the model, or its StatisticsGen artifact.",
        ),
    ],
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="CONFIG.yaml", help="Configuration of the run, where DIR is no folder of a run."
        ),
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Difference of the share of a length bucket above which there is skew."),
    ] = 0.2,
    report: Annotated[
        Path | None, typer.Option("--output", metavar="REPORT.json", help="Also write what is found as JSON.")
    ] = None,
) -> ExitCode:
    """Compare logged requests with the training's texts: exits with 5 where their lengths are distributed otherwise."""
    checked = None if config is None else load_config(config)
    _check_local(logs)
    silence_libraries()
    from ulmfit_tfx.pipeline.tools.skew.comparison import find_skew
    from ulmfit_tfx.pipeline.tools.skew.request_logs import read_log
    from ulmfit_tfx.pipeline.tools.skew.training_statistics import training_statistics

    with _quiet():
        training = training_statistics(statistics, checked)
        found = find_skew(training, (item for file in _files(logs) for item in read_log(file)), threshold)
    if report is not None:
        report.write_text(found.to_json() + "\n", encoding="utf-8")
    _show(found)
    return ExitCode.OK if found.anomaly is None else ExitCode.SKEWED


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the warnings that TFDV's own calls cause off the terminal."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _check_local(logs: list[str]) -> None:
    """Finds wrong paths before TensorFlow is loaded."""
    for path in logs:
        if not is_remote(path) and not _local(path):
            raise ConfigError(f"{path}: no such file.")


def _local(path: str) -> list[str]:
    return [file for file in ([path] if Path(path).exists() else sorted(glob.glob(path))) if Path(file).is_file()]


def _files(logs: list[str]) -> list[str]:
    import tensorflow as tf

    files: list[str] = []
    for path in logs:
        found = sorted(tf.io.gfile.glob(path)) if is_remote(path) else _local(path)
        if not found:
            raise ConfigError(f"{path}: no such file.")
        files += found
    return list(dict.fromkeys(files))


def _show(found: "SkewReport") -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table("", "training", "serving", "difference", box=box.SIMPLE)
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_row("texts", *(f"{found.texts[split]:,}" for split in ("training", "serving")), "")
    table.add_row("mean bytes of a text", *(f"{found.mean_bytes[split]:,.0f}" for split in ("training", "serving")), "")
    for bucket, shares in found.shares.items():
        difference = shares["serving"] - shares["training"]
        style = "red" if abs(difference) > found.threshold else None
        table.add_row(
            bucket, f"{shares['training']:.1%}", f"{shares['serving']:.1%}", f"{difference:+.1%}", style=style
        )
    output.print(table)
    if found.refused:
        output.print(f"{sum(found.refused.values()):,} records without a text:")
        for reason, count in found.refused.items():
            output.print(f"  {count:,}: {reason}", markup=False)
        for refusal in found.refusals[:_SHOWN]:
            output.print(f"  {refusal}", style="dim", markup=False)
        output.print()
    verdict = "[green]no skew[/green]" if found.anomaly is None else f"[red]skew[/red]: {escape(found.anomaly)}"
    output.print(
        f"{verdict}\nlargest difference {found.distance:.1%}, threshold {found.threshold:.1%}; "
        f"by chance {found.by_chance:.1%} is exceeded in one of a hundred cases"
    )
