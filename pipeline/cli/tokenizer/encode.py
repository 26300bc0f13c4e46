"""`ulmfit-tfx tokenizer encode`: writes the texts of files as lines of ids or pieces."""

import dataclasses
import json
import time
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ulmfit_tfx.pipeline.cli.tokenizer import options
from ulmfit_tfx.pipeline.console import output as console
from ulmfit_tfx.pipeline.field_options import with_field_options
from ulmfit_tfx.pipeline.run_log import silence_libraries
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.errors import ConfigError, ExitCode
from ulmfit_tfx.schemas.remote_paths import local_path

if TYPE_CHECKING:
    from ulmfit_tfx.pipeline.tools.tokenizer.encoding import Encoder
    from ulmfit_tfx.pipeline.tools.tokenizer.length_statistics import LengthStatistics, LengthSummary
    from ulmfit_tfx.pipeline.tools.tokenizer.loading import LoadedTokenizer

NAME = "encode"
EXAMPLE = (
    "Example: `ulmfit-tfx tokenizer encode corpus.txt --tokenizer tokenizers/corpus --output corpus.ids "
    "--statistics corpus-lengths`"
)

CHART_FILE, STATISTICS_FILE = "lengths.png", "lengths.json"


class As(str, Enum):
    """What a line consists of."""

    IDS = "ids"
    PIECES = "pieces"


@with_field_options
def command(
    *,
    inputs: options.Inputs,
    tokenizer: Annotated[
        str, typer.Option(metavar="MODEL_OR_DIR", help="SentencePiece .model, or a folder with a tokenizer.")
    ],
    output: Annotated[str, typer.Option("--output", metavar="FILE", help="File to write, a line a row.")],
    as_: Annotated[As, typer.Option("--as", help="What a line consists of.")] = As.IDS,
    add_bos: Annotated[
        bool | None,
        typer.Option("--bos/--no-bos", help="Begin each row with `<s>`. Default: as the tokenizer says, yes."),
    ] = None,
    add_eos: Annotated[
        bool | None,
        typer.Option("--eos/--no-eos", help="End each row with `</s>`. Default: as the tokenizer says, yes."),
    ] = None,
    lower_case: Annotated[
        bool | None,
        typer.Option("--lower-case/--no-lower-case", help="Lower-case texts. Default: as the tokenizer says, no."),
    ] = None,
    statistics: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help=f"Also write {CHART_FILE}, a histogram, and {STATISTICS_FILE} there."),
    ] = None,
    format: options.Format = options.AUTO,
    reading: options.Reading,
) -> ExitCode:
    """Encode texts as ids or pieces, the same as in training and serving, and show how long they are."""
    sources = options.sources(inputs, format, reading)
    model, target = local_path(tokenizer, "--tokenizer"), local_path(output, "--output")
    started = time.monotonic()
    silence_libraries()
    from ulmfit_tfx.pipeline.cli.tokenizer.progress import how_far, show_left_out, shown
    from ulmfit_tfx.pipeline.tools.tokenizer.loading import load_tokenizer
    from ulmfit_tfx.pipeline.tools.tokenizer.output_files import new_file
    from ulmfit_tfx.pipeline.tools.tokenizer.texts import Texts

    encoder = _encoder(load_tokenizer(model), add_bos, add_eos, lower_case, as_ is As.PIECES)
    texts = Texts(sources)
    _check_not_an_input(target, texts.files)
    if statistics is not None:
        _make(statistics)
    with new_file(target) as file, shown(lambda: how_far(texts)):
        for line in encoder.lines(texts):
            file.write(f"{line}\n")
    show_left_out(texts)
    summary = encoder.statistics.summary()
    _show(summary)
    console.print(f"{summary.rows:,} lines in {target}, {time.monotonic() - started:.1f} s", markup=False)
    if statistics is not None:
        _write(encoder.statistics, summary, statistics)
        console.print(f"Histogram: {statistics / CHART_FILE}, with {STATISTICS_FILE} beside it", markup=False)
    return ExitCode.OK


def _encoder(
    tokenizer: "LoadedTokenizer", add_bos: bool | None, add_eos: bool | None, lower_case: bool | None, as_pieces: bool
) -> "Encoder":
    from ulmfit_tfx.pipeline.tools.tokenizer.encoding import Encoder

    config, cleaning = tokenizer.config, tokenizer.cleaning or CleaningConfig()
    if lower_case is not None:
        cleaning = cleaning.model_copy(update={"lower_case": lower_case})
    if add_bos is None:
        add_bos = config is None or config.add_bos
    if add_eos is None:
        add_eos = config is None or config.add_eos
    separator = None if config is None else config.separator
    return Encoder(tokenizer.processor, cleaning, separator, add_bos, add_eos, as_pieces)


def _check_not_an_input(output: Path, files: Iterable[str]) -> None:
    for file in files:
        if output.exists() and Path(file).exists() and output.samefile(file):
            raise ConfigError(f"--output {output}: is one of the files to read.")


def _make(folder: Path) -> None:
    """Finds out that the statistics have a place before there are any."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror}.") from None


def _show(summary: "LengthSummary") -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, show_header=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_row("rows", f"{summary.rows:,}")
    table.add_row("pieces", f"{summary.pieces:,}")
    table.add_row("pieces of a row: mean", f"{summary.mean:,.1f}")
    table.add_row("  standard deviation", f"{summary.standard_deviation:,.1f}")
    table.add_row("  minimum", f"{summary.minimum:,}")
    table.add_row("  lower quartile", f"{summary.lower_quartile:,.10g}")
    table.add_row("  median", f"{summary.median:,.10g}")
    table.add_row("  upper quartile", f"{summary.upper_quartile:,.10g}")
    table.add_row("  95th percentile", f"{summary.percentile_95:,.10g}")
    table.add_row("  99th percentile", f"{summary.percentile_99:,.10g}")
    table.add_row("  maximum", f"{summary.maximum:,}")
    table.add_row("pieces of a word", f"{summary.pieces_per_word:,.2f}")
    table.add_row("share of <unk>", f"{summary.unknown_share:.3%}")
    console.print(table)


def _write(statistics: "LengthStatistics", summary: "LengthSummary", folder: Path) -> None:
    from ulmfit_tfx.pipeline.tools.tokenizer.length_chart import draw_lengths

    content = dataclasses.asdict(summary) | {"rows_by_length": dict(sorted(statistics.rows_by_length.items()))}
    (folder / STATISTICS_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (folder / CHART_FILE).write_bytes(draw_lengths(statistics))
