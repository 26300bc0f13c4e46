"""`ulmfit-tfx import-encoder`: reads a pretrained encoder and writes it in our formats."""

from enum import Enum
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ulmfit_tfx.pipeline.console import output as console
from ulmfit_tfx.pipeline.run_log import silence_libraries
from ulmfit_tfx.schemas.config.pretrained import PretrainedConfig
from ulmfit_tfx.schemas.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from ulmfit_tfx.components.encoder_importer.importing import ImportReport

NAME = "import-encoder"
EXAMPLE = (
    "Example: `ulmfit-tfx import-encoder wikitext.pth --tokenizer wikitext-sp35k.model --output encoders/wikitext`"
)


class Format(str, Enum):
    """Whose checkpoint it is."""

    AUTO = "auto"
    FASTAI = "fastai"
    KERAS = "keras"
    SAVED_MODEL = "saved-model"


def command(
    checkpoint: Annotated[
        str,
        typer.Argument(help="fastai .pth, checkpoint or SavedModel of the old package, or a folder or archive of one."),
    ],
    output: Annotated[Path, typer.Option("--output", help="Folder to write.")],
    tokenizer: Annotated[
        str | None,
        typer.Option(help="SentencePiece .model. Without it: the one that a SavedModel brings along."),
    ] = None,
    source_tokenizer: Annotated[
        str | None,
        typer.Option(
            help="The checkpoint's own .model, to map its embeddings to --tokenizer by the text of the pieces."
        ),
    ] = None,
    format: Annotated[Format, typer.Option(help="Format of the checkpoint.")] = Format.AUTO,
    fixed_seq_len: Annotated[
        str,
        typer.Option(metavar="N|none", help="Pieces that texts are cut and padded to. none: the longest of a batch."),
    ] = "70",
    max_seq_len: Annotated[int, typer.Option(min=2, help="Longest text with --fixed-seq-len none, in pieces.")] = 512,
    lower_case: Annotated[
        bool | None,
        typer.Option("--lower-case/--cased", help="Lower-case texts. Without it: as the checkpoint or its name says."),
    ] = None,
    add_bos: Annotated[
        bool | None, typer.Option("--bos/--no-bos", help="Begin each text with <s>. Default: yes.")
    ] = None,
    add_eos: Annotated[
        bool | None, typer.Option("--eos/--no-eos", help="End each text with </s>. Default: yes.")
    ] = None,
    backward: Annotated[
        bool | None, typer.Option("--backward/--forward", help="In which direction it was trained. Default: forward.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier import in --output.")] = False,
) -> ExitCode:
    """Import a pretrained encoder with its language-model head, checked layer by layer against its source."""
    config = PretrainedConfig(
        checkpoint=checkpoint,
        format=format.value,
        tokenizer=tokenizer,
        source_tokenizer=source_tokenizer,
        lower_case=lower_case,
        add_bos=add_bos,
        add_eos=add_eos,
        direction=None if backward is None else "backward" if backward else "forward",
    )
    length = _length(fixed_seq_len)
    _check_files(config)
    silence_libraries()
    from ulmfit_tfx.components.encoder_importer.importing import import_encoder

    with console.status("Importing", spinner="dots"):
        report = import_encoder(config, output, length, max_seq_len, overwrite)
    _show(report, output)
    return ExitCode.OK


def _check_files(config: PretrainedConfig) -> None:
    """Finds wrong paths before TensorFlow is loaded."""
    for path in filter(None, (config.checkpoint, config.tokenizer, config.source_tokenizer)):
        if not Path(path).exists() and not Path(f"{path}.index").exists():
            raise ConfigError(f"{path}: no such file.")


def _length(text: str) -> int | None:
    if text.lower() == "none":
        return None
    if not text.isdecimal() or int(text) < 2:
        raise ConfigError(f"--fixed-seq-len is '{text}', expected a number of at least 2, or none.")
    return int(text)


def _show(report: "ImportReport", folder: Path) -> None:
    console.print("Parity with the source: largest difference of each layer's output, source and target shapes")
    width = max(len(text) for row in report.parity for text in _shapes(row.source) or [""])
    for row in report.parity:
        console.print(f"  {row.layer:<12} {row.difference:.1e}", markup=False)
        for source, target in zip_longest(_shapes(row.source), _shapes(row.target), fillvalue=""):
            console.print(f"    {source:<{width}}  {target}", style="dim", markup=False)
    encoder = report.record.encoder
    sizes = ", ".join(map(str, encoder.layer_sizes))
    console.print(
        f"{encoder.architecture}, embedding {encoder.embedding_size}, layers {sizes}, "
        f"{report.record.vocab_size:,} pieces; head: {report.record.head or 'none in the source'}",
        markup=False,
    )
    if report.preset:
        console.print(f"Published as {report.preset.name}.", markup=False)
    if report.new_pieces is not None:
        console.print(f"{report.new_pieces:,} pieces are new and have the mean embedding.", markup=False)
    if report.ignored:
        console.print(
            f"Not imported: {', '.join(report.ignored[:5])}{' ...' * (len(report.ignored) > 5)}", markup=False
        )
    console.print(f"\nWritten to {folder}. Next: ulmfit-tfx show {folder / 'saved_model'}", markup=False)


def _shapes(tensors: dict[str, tuple[int, ...]]) -> list[str]:
    return [f"{name} {list(shape)}" for name, shape in tensors.items()]
