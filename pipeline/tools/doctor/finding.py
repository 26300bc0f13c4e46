"""What a check found, and how it is told: as text with the standard library alone, and as JSON."""

import dataclasses
import enum
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence

import ulmfit_tfx
from ulmfit_tfx.schemas.errors import ExitCode

_TITLES = ("check", "found", "")
_RESET = "\x1b[0m"


class Verdict(enum.Enum):
    """How bad it is, from good to bad."""

    OK = "ok"
    NOTE = "note"  # something optional that is not there
    WARNING = "warning"  # it works, but slowly or not for long
    BROKEN = "broken"


_COLOURS = {Verdict.OK: "\x1b[32m", Verdict.NOTE: "\x1b[36m", Verdict.WARNING: "\x1b[33m", Verdict.BROKEN: "\x1b[1;31m"}


@dataclasses.dataclass(frozen=True)
class Finding:
    """One row of the table, and what is to be said about it below.

    Attributes:
        check: What was looked at.
        found: What is there, in a few words.
        verdict: How bad that is.
        problem: A sentence on what is wrong.
        remedy: The shell command that mends it; "" where there is none.
    """

    check: str
    found: str
    verdict: Verdict = Verdict.OK
    problem: str = ""
    remedy: str = ""


def worst(findings: Iterable[Finding]) -> Verdict:
    """The worst verdict; `OK` of none."""
    return max((finding.verdict for finding in findings), key=list(Verdict).index, default=Verdict.OK)


def exit_code(findings: Iterable[Finding]) -> ExitCode:
    """1 where something is broken; notes and warnings are no failure."""
    return ExitCode.STAGE_FAILED if worst(findings) is Verdict.BROKEN else ExitCode.OK


def as_text(findings: Sequence[Finding], coloured: bool = False) -> str:
    """The table, then what is amiss, then how much that is."""
    rows = [(finding.check, finding.found) for finding in findings]
    widths = [max(map(len, column)) for column in zip(_TITLES[:2], *rows, strict=True)]
    lines = [_line(_TITLES, widths), " " + "─" * (sum(widths) + 14)]
    for (check, found), finding in zip(rows, findings, strict=True):
        lines.append(_line((check, found, _painted(finding.verdict.value, finding.verdict, coloured)), widths))
    amount = _painted(_amount(findings), worst(findings), coloured)
    return "\n\n".join(filter(None, ("\n".join(lines), problems_as_text(findings, coloured), amount)))


def problems_as_text(findings: Iterable[Finding], coloured: bool = False) -> str:
    """What is amiss, and below all that one command mends this command; "" where all is well."""
    groups: dict[str, list[str]] = {}
    for finding in findings:
        if finding.problem:
            verdict = _painted(f"{finding.verdict.value}:", finding.verdict, coloured)
            groups.setdefault(finding.remedy, []).append(f"{verdict} {finding.problem}")
    return "\n\n".join("\n".join([*lines, *([f"  {remedy}"] if remedy else [])]) for remedy, lines in groups.items())


def as_json(findings: Sequence[Finding]) -> str:
    """The findings for machines."""
    report = {
        "ulmfit_tfx": ulmfit_tfx.__version__,
        "python": sys.executable,
        "verdict": worst(findings).value,
        "findings": [{**dataclasses.asdict(finding), "verdict": finding.verdict.value} for finding in findings],
    }
    return json.dumps(report, indent=2)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells[:2], widths, strict=True))
    return f"  {'   '.join(padded)}   {cells[2]}".rstrip()


def _painted(text: str, verdict: Verdict, coloured: bool) -> str:
    return f"{_COLOURS[verdict]}{text}{_RESET}" if coloured else text


def _amount(findings: Iterable[Finding]) -> str:
    """How many there are of each verdict but `ok`, worst first."""
    counts = Counter(finding.verdict for finding in findings)
    parts = [f"{counts[Verdict.BROKEN]} broken"] if counts[Verdict.BROKEN] else []
    for verdict in (Verdict.WARNING, Verdict.NOTE):
        if count := counts[verdict]:
            parts.append(f"{count} {verdict.value}{'s' if count > 1 else ''}")
    return ", ".join(parts) or "Nothing is amiss."
