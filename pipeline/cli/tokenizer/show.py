"""`ulmfit-tfx tokenizer show`: says what a tokenizer is, and how it cuts texts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ulmfit_tfx.pipeline.console import output
from ulmfit_tfx.pipeline.run_log import silence_libraries
from ulmfit_tfx.schemas.errors import DataError, ExitCode

if TYPE_CHECKING:
    from ulmfit_tfx.pipeline.tools.tokenizer.description import EncodedPiece

NAME = "show"
EXAMPLE = 'Example: `ulmfit-tfx tokenizer show tokenizers/corpus "A quiet film that stays with you."`'


def command(
    tokenizer: Annotated[
        Path, typer.Argument(metavar="MODEL_OR_DIR", help="SentencePiece .model, or a folder with a tokenizer.")
    ],
    texts: Annotated[list[str] | None, typer.Argument(metavar="[TEXT...]", help="Texts to cut into pieces.")] = None,
) -> ExitCode:
    """Show a tokenizer: size, type, special ids, normalization, pieces; and the pieces of texts with their ids."""
    for number, text in enumerate(texts or (), start=1):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise DataError(f"TEXT {number}: is not UTF-8.") from None
    silence_libraries()
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from ulmfit_tfx.pipeline.tools.tokenizer.description import describe, encode, remarks, special_ids
    from ulmfit_tfx.pipeline.tools.tokenizer.loading import load_tokenizer

    loaded = load_tokenizer(tokenizer)
    table = Table(box=box.SIMPLE, show_header=False, title=Text(str(loaded.path)), title_justify="left")
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, fact in describe(loaded).items():
        table.add_row(name, Text(fact))
    for remark in remarks(special_ids(loaded)):
        table.add_row("for use here", Text(remark))
    output.print(table)
    for text in texts or ():
        _show_pieces(text, encode(loaded, text))
    return ExitCode.OK


def _show_pieces(text: str, pieces: "list[EncodedPiece]") -> None:
    from rich.table import Table
    from rich.text import Text

    unknown = sum(piece.is_unknown for piece in pieces)
    output.print(Text(text, style="bold"))
    output.print(f"{len(pieces):,} pieces, {unknown:,} unknown")
    table = Table("id", "piece", "", box=None, pad_edge=False, header_style="dim")
    table.columns[0].justify = "right"
    for piece in pieces:
        style = "red" if piece.is_unknown else ""
        table.add_row(f"{piece.id}", Text(piece.text, style=style), Text("<unk>" * piece.is_unknown, style=style))
    output.print(table)
    output.print()
