"""`ulmfit-tfx doctor`: looks at the installation and says what mends it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ulmfit_tfx.pipeline.console import errors, output
from ulmfit_tfx.pipeline.tools.doctor.examination import as_json, examine, exit_code
from ulmfit_tfx.pipeline.tools.doctor.finding import Finding, Verdict, by_remedy, summary, worst
from ulmfit_tfx.schemas.errors import ExitCode

if TYPE_CHECKING:
    from rich.table import Table

NAME = "doctor"
EXAMPLE = "Example: `ulmfit-tfx doctor`"

_STYLES = {Verdict.OK: "green", Verdict.NOTE: "cyan", Verdict.WARNING: "yellow", Verdict.BROKEN: "bold red"}


def command(
    as_json_: Annotated[bool, typer.Option("--json", help="Print the same for machines.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Import neither TensorFlow nor TFX: 2 seconds in place of 30.")
    ] = False,
) -> ExitCode:
    """Look at the installation: what is there, what is amiss, and the command that mends it.

    Exit code 1 if something is broken; warnings and notes on what is optional are no failure.
    """
    with errors.status("Looking at packages" if quick else "Importing TensorFlow and TFX, half a minute"):
        findings = examine(quick)
    if as_json_:
        typer.echo(as_json(findings))
    else:
        output.print(_table(findings))
        _print_problems(findings)
        output.print(summary(findings), style=_STYLES[worst(findings)])
    return exit_code(findings)


def _table(findings: Sequence[Finding]) -> "Table":
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table("check", "found", "", box=box.SIMPLE)
    for finding in findings:
        style = _STYLES[finding.verdict]
        table.add_row(escape(finding.check), escape(finding.found), f"[{style}]{finding.verdict.value}[/{style}]")
    return table


def _print_problems(findings: Sequence[Finding]) -> None:
    for remedy, group in by_remedy(findings):
        for finding in group:
            output.print(f"{finding.verdict.value}: ", style=_STYLES[finding.verdict], end="")
            output.print(finding.problem, markup=False)
        if remedy:
            output.print(f"  {remedy}", markup=False)
        output.print()
