"""`ulmfit-tfx clean`: removes what old runs left, and says first what would go."""

import contextlib
import json
import sys
import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from ulmfit_tfx.pipeline.console import output
from ulmfit_tfx.pipeline.run_lock import locked_for_cleaning
from ulmfit_tfx.pipeline.tools.clean.places import Place, find_place
from ulmfit_tfx.pipeline.tools.clean.rules import BY_DEFAULT, KINDS, Item, Kind, Rules, seconds
from ulmfit_tfx.schemas.errors import ConfigError, ExitCode, UserError

NAME = "clean"
EXAMPLE = "Example: `ulmfit-tfx clean runs/reviews --keep 3 --older-than 30d`"

_KEEP = 3


def command(
    folder: Annotated[
        str,
        typer.Argument(metavar="DIR", help="A folder of runs, or of the versions of a served model."),
    ],
    keep: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help=f"The newest N runs and versions stay. Default: {_KEEP}; with --older-than, age alone decides.",
        ),
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="AGE", help="Only what no run used for so long: 90m, 12h, 30d, 8w."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="KINDS",
            help=f"Kinds to remove, with commas between: {', '.join(KINDS)}. Default: all but predictions. Repeatable.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go, and remove nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: each thing with its fate. Without --yes nothing is removed.")
    ] = False,
) -> ExitCode:
    """Remove old artifacts, checkpoints, versions and logs of runs, and show first what would go.

    With --keep and --older-than goes what both give free. What is in service or pinned, what the newest finished run
    has in its cache, and what a killed one goes on from stays in any case.
    """
    if dry_run and yes:
        raise ConfigError("--dry-run and --yes exclude each other: give at most one of them.")
    age = None if older_than is None else seconds(older_than)
    rules = Rules(_KEEP if keep is None and age is None else keep, age)
    kinds = _kinds(only)
    place = find_place(folder)
    if place.served and "versions" not in kinds:
        raise ConfigError(f"{folder}: holds versions of a model and nothing else, --only has to name versions.")
    only_shows = dry_run or (as_json and not yes)
    with contextlib.nullcontext() if only_shows else _locked(place):
        items = _plan(place, kinds, rules)
    going = [item for item in items if item.goes]
    if as_json:
        failures = _remove(place, kinds, rules, going) if yes else []
        typer.echo(json.dumps(_as_json(place, items, removed=yes), indent=2))
        return _checked(failures)
    from ulmfit_tfx.pipeline.cli.clean_tables import amount, show

    show(output, folder, items, time.time())
    if not going:
        output.print("There is nothing to remove.")
    elif dry_run:
        output.print("Nothing was removed, as --dry-run says.")
    elif not yes and not _agreed(amount(going)):
        output.print("Nothing was removed.")
    else:
        failures = _remove(place, kinds, rules, going)
        if not failures:
            output.print(f"Removed: {amount(going)}.", markup=False)
        return _checked(failures)
    return ExitCode.OK


def _kinds(only: Sequence[str] | None) -> list[Kind]:
    if not only:
        return list(BY_DEFAULT)
    named = [name.strip() for text in only for name in text.split(",")]
    for name in named:
        if name not in KINDS:
            raise ConfigError(f"--only is '{name}', expected some of {', '.join(KINDS)}.")
    return [kind for kind in KINDS if kind in named]


def _locked(place: Place) -> contextlib.AbstractContextManager[None]:
    """Holds off runs. A served model outside a folder of runs has no lock; pushes leave older versions alone."""
    has_runs = place.folder.metadata.is_file()
    return locked_for_cleaning(place.folder.root) if has_runs else contextlib.nullcontext()


def _plan(place: Place, kinds: Sequence[Kind], rules: Rules) -> list[Item]:
    from ulmfit_tfx.pipeline.tools.clean.plan import plan

    looking = output.status("Looking at what is needed") if output.is_terminal else contextlib.nullcontext()
    with looking:
        return plan(place, kinds, rules, time.time())


def _agreed(going: str) -> bool:
    """Asks on a terminal.

    Raises:
        ConfigError: There is no terminal to ask on.
    """
    if not _on_terminal():
        raise ConfigError("Nothing was removed: there is no terminal to ask on. Give --yes to remove, or --dry-run.")
    return typer.confirm(f"Remove {going}?")


def _on_terminal() -> bool:
    return sys.stdin.isatty()


def _remove(place: Place, kinds: Sequence[Kind], rules: Rules, shown: Sequence[Item]) -> list[OSError]:
    """Removes what was shown, but for what is needed by now: meanwhile there may have been a run or a rollback."""
    from rich.progress import Progress

    from ulmfit_tfx.pipeline.tools.clean.plan import remove

    paths = {item.paths for item in shown}
    with _locked(place):
        items = [item for item in _plan(place, kinds, rules) if item.goes and item.paths in paths]
        with Progress(console=output, transient=True, disable=not output.is_terminal) as progress:
            task = progress.add_task("Removing", total=sum(item.size for item in items))
            return remove(place, items, lambda item: progress.advance(task, item.size))


def _checked(failures: Sequence[OSError]) -> ExitCode:
    """Says what could not be removed.

    Raises:
        UserError: There is something.
    """
    if not failures:
        return ExitCode.OK
    more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
    raise UserError(
        f"{failures[0].filename}: cannot be removed: {failures[0].strerror}{more}. All else is removed. No run takes "
        "from a cache what is left of these; once they can be removed, the same command does so."
    )


def _as_json(place: Place, items: Sequence[Item], removed: bool) -> dict[str, Any]:
    now = time.time()
    records: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for item in items:
        records[item.goes].append(
            {
                "kind": item.kind,
                "of": item.of,
                "name": item.name,
                "reason": item.reason,
                "age_seconds": round(now - item.last_used),
                "bytes": item.size,
                "paths": [str(path) for path in item.paths],
            }
        )
    return {
        "folder": str(place.served or place.folder.root),
        "removed": removed,
        "bytes": sum(item.size for item in items if item.goes),
        "goes": records[True],
        "stays": records[False],
    }
