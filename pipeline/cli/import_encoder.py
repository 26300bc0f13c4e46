"""`ulmfit-tfx import-encoder`: reads a pretrained encoder and writes it in our formats."""

from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ulmfit_tfx.components.encoder_importer.checkpoint_files import check_paths
from ulmfit_tfx.pipeline.console import output as console
from ulmfit_tfx.pipeline.field_options import OptionsOf, Typed, help_of, with_field_options
from ulmfit_tfx.pipeline.run_log import silence_libraries
from ulmfit_tfx.schemas.config.pretrained import PretrainedConfig
from ulmfit_tfx.schemas.errors import ConfigError, ExitCode
from ulmfit_tfx.schemas.remote_paths import local_path

if TYPE_CHECKING:
    from ulmfit_tfx.components.encoder_importer.importing import ImportReport

NAME = "import-encoder"
EXAMPLE = (
    "Example: `ulmfit-tfx import-encoder wikitext.pth --tokenizer wikitext-sp35k.model --output encoders/wikitext`"
)


@with_field_options
def command(
    *,
    checkpoint: Annotated[str, typer.Argument(help=help_of(PretrainedConfig.model_fields["checkpoint"]))],
    output: Annotated[str, typer.Option("--output", metavar="DIR", help="Folder to write.")],
    pretrained: Annotated[
        Typed,
        OptionsOf(
            PretrainedConfig,
            without=("checkpoint",),
            names={
                "lower_case": "--lower-case/--cased",
                "add_bos": "--bos/--no-bos",
                "add_eos": "--eos/--no-eos",
            },
        ),
    ],
    fixed_seq_len: Annotated[
        str,
        typer.Option(metavar="N|none", help="Pieces that texts are cut and padded to. none: the longest of a batch."),
    ] = "70",
    max_seq_len: Annotated[int, typer.Option(min=2, help="Longest text with --fixed-seq-len none, in pieces.")] = 512,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier import in --output.")] = False,
) -> ExitCode:
    """Import a pretrained encoder with its language-model head, checked layer by layer against its source."""
    config = pretrained.section(PretrainedConfig, checkpoint=checkpoint)
    length = _length(fixed_seq_len)
    folder = local_path(output, "--output")
    silence_libraries()
    check_paths(config)
    from ulmfit_tfx.components.encoder_importer.importing import import_encoder

    with console.status("Importing", spinner="dots"):
        report = import_encoder(config, folder, length, max_seq_len, overwrite)
    _show(report, folder)
    return ExitCode.OK


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
    sizes = ", ".join(map(str, encoder.hidden_sizes))
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
