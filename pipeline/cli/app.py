"""The command with its subcommands, and what becomes of errors."""

import functools
from collections.abc import Callable
from typing import Annotated, Any

import click
import typer
from typer.core import TyperGroup

import ulmfit_tfx
from ulmfit_tfx.pipeline.cli import (
    bulk_infer,
    clean,
    complete,
    doctor,
    find_lr,
    import_encoder,
    init,
    predict,
    replay,
    rollback,
    run,
    show,
    skew,
    submit,
)
from ulmfit_tfx.pipeline.cli import compile as compile_command
from ulmfit_tfx.pipeline.cli.tokenizer import encode as encode_texts
from ulmfit_tfx.pipeline.cli.tokenizer import show as show_tokenizer
from ulmfit_tfx.pipeline.cli.tokenizer import train as train_tokenizer
from ulmfit_tfx.pipeline.console import errors
from ulmfit_tfx.schemas.errors import ExitCode, UserError

_CALLED = {"train": "run", "fit": "run", "start": "run", "eval": "run", "evaluate": "run", "serve": "show"}
"""What commands are called elsewhere."""


class _Commands(TyperGroup):
    """Commands, of which those that are called otherwise elsewhere are answered with their names here."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Finds a command."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if args and args[0] in _CALLED:
                error.message = f"No such command '{args[0]}'. Did you mean '{_CALLED[args[0]]}'?"
            raise


app = typer.Typer(
    name="ulmfit-tfx",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done; 1 a stage failed; 2 wrong option or configuration; 3 the data cannot be used; "
    "4 the model was not blessed; 5 served texts are unlike the training's; 130 interrupted.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(ulmfit_tfx.__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Light text models, from raw text to a served SavedModel: ULMFiT (AWD-LSTM) and MultiFiT (QRNN) on TFX."""


def _with_exit_codes(command: Callable[..., ExitCode]) -> Callable[..., None]:
    """Turns errors meant for people into a message and an exit code."""

    @functools.wraps(command)
    def wrapped(*args, **kwargs):
        try:
            code = command(*args, **kwargs)
        except UserError as error:
            errors.print(str(error), style="red", markup=False)
            code = error.exit_code
        except KeyboardInterrupt:
            errors.print("Interrupted.", style="red")
            code = ExitCode.INTERRUPTED
        raise typer.Exit(int(code))

    return wrapped


for _module in (
    init,
    run,
    find_lr,
    import_encoder,
    predict,
    bulk_infer,
    complete,
    show,
    skew,
    compile_command,
    replay,
    submit,
    rollback,
    clean,
    doctor,
):
    app.command(name=_module.NAME, epilog=_module.EXAMPLE)(_with_exit_codes(_module.command))

_tokenizer = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=train_tokenizer.EXAMPLE,
)
for _module in (train_tokenizer, encode_texts, show_tokenizer):
    _tokenizer.command(name=_module.NAME, epilog=_module.EXAMPLE)(_with_exit_codes(_module.command))
app.add_typer(_tokenizer, name="tokenizer", help="Train, apply and show SentencePiece tokenizers.")
