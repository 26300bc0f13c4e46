"""`ulmfit-tfx tokenizer train`: trains a SentencePiece tokenizer on the texts of files."""

import shlex
import time
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ulmfit_tfx.pipeline.cli.tokenizer import options
from ulmfit_tfx.pipeline.cli.tokenizer.options import Format, TextUnit
from ulmfit_tfx.pipeline.console import output as console
from ulmfit_tfx.pipeline.run_log import silence_libraries
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from ulmfit_tfx.pipeline.tools.tokenizer.texts import Texts
    from ulmfit_tfx.transforms.splitting import SampleCounts

NAME = "train"
EXAMPLE = "Example: `ulmfit-tfx tokenizer train corpus/*.txt.gz --vocab-size 32000 --output tokenizers/corpus`"

_DEFAULTS = TokenizerConfig()
_SHOWN_TEXT = 40
_MODEL = "Tokenizer"
_CLEANING = "Cleaning, which becomes a part of the tokenizer"
_SAMPLE = "Texts to train on"


class ModelType(str, Enum):
    """How pieces are found."""

    BPE = "bpe"
    UNIGRAM = "unigram"


class Normalization(str, Enum):
    """SentencePiece's own rules."""

    NMT_NFKC = "nmt_nfkc"
    NFKC = "nfkc"
    NMT_NFKC_CF = "nmt_nfkc_cf"
    NFKC_CF = "nfkc_cf"
    IDENTITY = "identity"


def command(
    inputs: options.Inputs,
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="Folder to write.")],
    format: options.FormatOption = Format.AUTO,
    text_column: options.TextColumn = "text",
    text_unit: options.TextUnitOption = TextUnit.LINE,
    encoding: options.Encoding = "utf-8",
    max_bad_fraction: options.MaxBadFraction = 0.01,
    max_row_bytes: options.MaxRowBytes = 1_000_000,
    vocab_size: Annotated[
        int, typer.Option(min=16, max=1_000_000, help="Pieces.", rich_help_panel=_MODEL)
    ] = _DEFAULTS.vocab_size,
    model_type: Annotated[
        ModelType, typer.Option(help="How pieces are found.", rich_help_panel=_MODEL)
    ] = ModelType.BPE,
    character_coverage: Annotated[
        float, typer.Option(help="Share of all characters that get a piece, above 0.9.", rich_help_panel=_MODEL)
    ] = _DEFAULTS.character_coverage,
    user_symbols: Annotated[
        list[str] | None,
        typer.Option(
            "--user-symbol",
            metavar="TEXT",
            help="Always a piece of its own. Repeatable. Default: `?` and `!`",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    no_user_symbols: Annotated[
        bool, typer.Option("--no-user-symbols", help="Not even `?` and `!`.", rich_help_panel=_MODEL)
    ] = False,
    byte_fallback: Annotated[
        bool,
        typer.Option(
            "--byte-fallback",
            help="Characters without a piece become pieces of bytes, not `<unk>`.",
            rich_help_panel=_MODEL,
        ),
    ] = False,
    normalization: Annotated[
        Normalization,
        typer.Option(help="SentencePiece's rule. cf: case is folded; identity: none.", rich_help_panel=_MODEL),
    ] = Normalization.NMT_NFKC,
    split_digits: Annotated[
        bool, typer.Option("--split-digits", help="Each digit is a piece of its own.", rich_help_panel=_MODEL)
    ] = False,
    separator: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Such as `[SEP]`: texts are cut there when they are encoded, and no piece is learned from it.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    prefix: Annotated[
        str, typer.Option(help="File name: `PREFIX-sp8k.model`.", rich_help_panel=_MODEL)
    ] = _DEFAULTS.prefix,
    lower_case: Annotated[
        bool, typer.Option("--lower-case", help="Texts are lower-cased.", rich_help_panel=_CLEANING)
    ] = False,
    strip_html: Annotated[
        bool, typer.Option("--strip-html", help="Tags go, entities become characters.", rich_help_panel=_CLEANING)
    ] = False,
    nfkc: Annotated[
        bool, typer.Option("--nfkc", help="Compatibility forms are composed.", rich_help_panel=_CLEANING)
    ] = False,
    separate_punctuation: Annotated[
        bool,
        typer.Option("--separate-punctuation", help="`what?` becomes `what ?`", rich_help_panel=_CLEANING),
    ] = False,
    sample_texts: Annotated[
        int,
        typer.Option(min=1, help="Train on so many texts at most, chosen by a seeded hash.", rich_help_panel=_SAMPLE),
    ] = _DEFAULTS.sample_texts,
    sample_bytes: Annotated[
        int, typer.Option(min=1, help="And on so many bytes: memory is a multiple of it.", rich_help_panel=_SAMPLE)
    ] = _DEFAULTS.sample_bytes,
    seed: Annotated[
        int, typer.Option(min=0, max=2**31 - 1, help="Of the choice of texts.", rich_help_panel=_SAMPLE)
    ] = 42,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier tokenizer in --output.")] = False,
) -> ExitCode:
    """Train a SentencePiece tokenizer: as SentencePieceTrainer does in a pipeline, on the texts of files."""
    if user_symbols and no_user_symbols:
        raise ConfigError("--user-symbol and --no-user-symbols exclude each other. Which one is meant?")
    config = options.validated(
        TokenizerConfig,
        prefix=prefix,
        vocab_size=vocab_size,
        model_type=model_type.value,
        character_coverage=character_coverage,
        user_defined_symbols=tuple(user_symbols or (() if no_user_symbols else _DEFAULTS.user_defined_symbols)),
        byte_fallback=byte_fallback,
        normalization=normalization.value,
        split_digits=split_digits,
        sample_texts=sample_texts,
        sample_bytes=sample_bytes,
        separator=separator,
    )
    cleaning = CleaningConfig(
        strip_html=strip_html, nfkc=nfkc, separate_punctuation=separate_punctuation, lower_case=lower_case
    )
    sources = options.sources(inputs, format, text_column, text_unit, encoding, max_bad_fraction, max_row_bytes)
    started = time.monotonic()
    silence_libraries()
    from ulmfit_tfx.pipeline.cli.tokenizer.progress import reading, show_left_out, shown
    from ulmfit_tfx.pipeline.tools.tokenizer.cleaned_texts import cleaned_for_training
    from ulmfit_tfx.pipeline.tools.tokenizer.output_files import TokenizerFolder
    from ulmfit_tfx.pipeline.tools.tokenizer.texts import Texts
    from ulmfit_tfx.pipeline.tools.tokenizer.training_process import train_apart
    from ulmfit_tfx.transforms.splitting import sample
    from ulmfit_tfx.transforms.tokenizer_layout import contents

    texts = Texts(sources)
    with TokenizerFolder(output, overwrite) as folder:
        with shown(lambda: reading(texts)):
            chosen = sample(cleaned_for_training(texts, cleaning, separator), seed, sample_texts, sample_bytes)
        with shown(lambda: f"Training {model_type.value}, {vocab_size:,} pieces, on {chosen.counts}"):
            model = train_apart(chosen.texts, config, max_row_bytes)
        folder.write(contents(model, config, cleaning, chosen.counts))
    show_left_out(texts)
    _show(texts, chosen.counts, config, output, time.monotonic() - started)
    _show_next(output, [*inputs, *options.reading_words(sources[0], format)], chosen.texts[0].decode())
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
