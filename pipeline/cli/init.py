"""`ulmfit-tfx init`: looks at data, says what it found, and writes a configuration that runs on it."""

import contextlib
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ulmfit_tfx.pipeline.console import output
from ulmfit_tfx.schemas.errors import ConfigError, ExitCode
from ulmfit_tfx.tasks import TASKS

if TYPE_CHECKING:
    from ulmfit_tfx.pipeline.tools.init.proposal import Proposal

NAME = "init"
EXAMPLE = "Example: `ulmfit-tfx init tickets.csv`"


def command(
    source: Annotated[str, typer.Argument(metavar="FILE_OR_FOLDER", help="The data, as it is.")],
    task: Annotated[
        str | None, typer.Option(metavar="TASK", help=f"One of {', '.join(TASKS)}. Default: by the columns.")
    ] = None,
    text_column: Annotated[str | None, typer.Option(metavar="NAME", help="Column, or field, with the text.")] = None,
    second_text_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column with the second text of a pair.")
    ] = None,
    label_column: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Column with the label, or the number to predict. Repeatable."),
    ] = None,
    id_column: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Column that is neither text nor label. Repeatable.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Of the model. Default: the file's.")] = None,
    file: Annotated[
        Path | None,
        typer.Option("--output", metavar="NAME.yaml", help="What to write. Default: the model's name, here."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> ExitCode:
    """Look at data and write a configuration that runs on it, with sizes that fit it and this machine.

    Exit code 3 where a run would stop, with what is wrong: more rows cannot be used than data.max_bad_fraction allows.
    """
    if task is not None and task not in TASKS:
        raise ConfigError(f"--task is '{task}', expected one of {', '.join(TASKS)}.")
    from ulmfit_tfx.pipeline.run_log import silence_tensorflow
    from ulmfit_tfx.pipeline.tools.init.columns import Wanted
    from ulmfit_tfx.pipeline.tools.init.proposal import name_for, propose

    silence_tensorflow()  # which some formats cut words with
    name = name or name_for(source)
    written = Path(f"{name}.yaml") if file is None else file
    _check_writable(written, force)
    wanted = Wanted(task, text_column, second_text_column, tuple(label_column or ()), tuple(id_column or ()))
    with output.status("Looking at the files") if output.is_terminal else contextlib.nullcontext() as shown:
        proposal = propose(source, name, wanted, _unshown if shown is None else shown.update)
        _write(proposal, written)
    return _conclude(proposal, written)


def _unshown(_: str) -> None:
    """Tells nobody: there is no terminal."""


def _check_writable(file: Path, force: bool) -> None:
    if file.exists() and not force:
        raise ConfigError(f"{file}: is there already. --force overwrites it, --output NAME.yaml writes another file.")
    if not file.absolute().parent.is_dir():
        raise ConfigError(f"{file}: there is no folder {file.parent}.")


def _write(proposal: "Proposal", file: Path) -> None:
    """Writes the configuration, and reads it as `run` does."""
    from ulmfit_tfx.components.corpus_ingest.source_files import check_source
    from ulmfit_tfx.pipeline.config_reading import load_config
    from ulmfit_tfx.pipeline.tools.init.writing import as_yaml

    try:
        file.write_text(as_yaml(proposal, file.absolute().parent), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written: {error.strerror}.") from None
    config = load_config(file)
    for source in config.sources.values():
        check_source(source)


def _conclude(proposal: "Proposal", file: Path) -> ExitCode:
    from rich.markup import escape

    from ulmfit_tfx.pipeline.cli.init_tables import is_runnable, show
    from ulmfit_tfx.pipeline.cli.whole_words import print_sentence

    show(output, proposal, file)
    run = f"ulmfit-tfx run {shlex.quote(str(file))}"
    if is_runnable(proposal):
        output.print("\nNext:", style="bold")
        output.print(f"  {run}", markup=False, soft_wrap=True)
        return ExitCode.OK
    output.print()
    print_sentence(
        output,
        f"`{escape(run)}` would stop: more than {100 * proposal.most_refused:g} % of the rows are refused, and "
        f"{proposal.section}.max_bad_fraction does not allow that. Mend these rows, or the fields of the file.",
        style="red",
    )
    return ExitCode.BAD_DATA
