"""`ulmfit-tfx tokenizer train`: trains a SentencePiece tokenizer on the texts of files."""

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ulmfit_tfx.pipeline.cli.tokenizer import options
from ulmfit_tfx.pipeline.console import output as console
from ulmfit_tfx.pipeline.field_options import OptionsOf, Typed, with_field_options
from ulmfit_tfx.pipeline.run_log import silence_libraries
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import ExitCode
from ulmfit_tfx.schemas.remote_paths import local_path

if TYPE_CHECKING:
    from ulmfit_tfx.pipeline.tools.tokenizer.texts import Texts
    from ulmfit_tfx.transforms.splitting import SampleCounts

NAME = "train"
EXAMPLE = "Example: `ulmfit-tfx tokenizer train corpus/*.txt.gz --vocab-size 32000 --output tokenizers/corpus`"

_SHOWN_TEXT = 40


@with_field_options
def command(
    *,
    inputs: options.Inputs,
    output: Annotated[str, typer.Option("--output", metavar="DIR", help="Folder to write.")],
    format: options.Format = options.AUTO,
    reading: options.Reading,
    tokenizer: Annotated[
        Typed,
        OptionsOf(
            TokenizerConfig,
            panel="Tokenizer",
            names={
                "user_defined_symbols": "--user-symbol/--no-user-symbols",
                "add_bos": "--bos/--no-bos",
                "add_eos": "--eos/--no-eos",
            },
        ),
    ],
    cleaning: Annotated[Typed, OptionsOf(CleaningConfig, panel="Cleaning, which becomes a part of the tokenizer")],
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of the choice of texts.")] = 42,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier tokenizer in --output.")] = False,
) -> ExitCode:
    """Train a SentencePiece tokenizer: as SentencePieceTrainer does in a pipeline, on the texts of files."""
    config = tokenizer.section(TokenizerConfig)
    clean = cleaning.section(CleaningConfig)
    sources = options.sources(inputs, format, reading)
    target = local_path(output, "--output")
    started = time.monotonic()
    silence_libraries()
    from ulmfit_tfx.pipeline.cli.tokenizer.progress import how_far, show_left_out, shown
    from ulmfit_tfx.pipeline.tools.tokenizer.cleaned_texts import cleaned_for_training
    from ulmfit_tfx.pipeline.tools.tokenizer.output_files import TokenizerFolder
    from ulmfit_tfx.pipeline.tools.tokenizer.texts import Texts
    from ulmfit_tfx.pipeline.tools.tokenizer.training_process import train_apart
    from ulmfit_tfx.transforms.splitting import sample
    from ulmfit_tfx.transforms.tokenizer_layout import contents, with_size

    texts = Texts(sources)
    with TokenizerFolder(target, overwrite) as folder:
        with shown(lambda: how_far(texts)):
            cleaned = cleaned_for_training(texts, clean, config.separator)
            chosen = sample(cleaned, seed, config.sample_texts, config.sample_bytes)
        with shown(lambda: f"Training {config.model_type} on {chosen.counts}"):
            model = train_apart(chosen.texts, config, sources[0].max_row_bytes)
        config = with_size(config, model)
        folder.write(contents(model, config, clean, chosen.counts))
    show_left_out(texts)
    _show(texts, chosen.counts, config, target, time.monotonic() - started)
    _show_next(target, [*inputs, *options.reading_words(format, reading)], chosen.texts[0].decode())
    return ExitCode.OK


def _show(texts: "Texts", counts: "SampleCounts", config: TokenizerConfig, folder: Path, seconds: float) -> None:
    files = len(texts.files)
    console.print(f"{texts.rows:,} rows read from {files:,} file{'s' * (files > 1)}", markup=False)
    console.print(f"Trained on {counts}", markup=False)
    model = folder / f"{config.file_stem}.model"
    console.print(f"{config.model_type}, {config.vocab_size:,} pieces: {model}, {seconds:.1f} s", markup=False)


def _show_next(folder: Path, reading: list[str], text: str) -> None:
    """Commands to go on with."""
    start = " ".join(text[:_SHOWN_TEXT].split()).lstrip("-")  # or it would be taken for an option
    encode = shlex.join(
        ["--tokenizer", str(folder), "--output", f"{folder.name}.ids", "--statistics", f"{folder.name}-lengths"]
    )
    console.print("\nNext:", style="bold")
    console.print(f"  ulmfit-tfx tokenizer show {shlex.join([str(folder), start])}", markup=False)
    console.print(f"  ulmfit-tfx tokenizer encode {shlex.join(reading)} {encode}", markup=False)
