"""What a check found."""

import dataclasses
import enum
from collections import Counter
from collections.abc import Iterable


class Verdict(enum.Enum):
    """How bad it is, from good to bad."""

    OK = "ok"
    NOTE = "note"  # something optional that is not there
    WARNING = "warning"  # it works, but slowly or not for long
    BROKEN = "broken"


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
    order = list(Verdict)
    return max((finding.verdict for finding in findings), key=order.index, default=Verdict.OK)


def by_remedy(findings: Iterable[Finding]) -> list[tuple[str, list[Finding]]]:
    """Findings that have something to say, those that one command mends together; in the order of their first ones."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.problem:
            groups.setdefault(finding.remedy, []).append(finding)
    return list(groups.items())


def summary(findings: Iterable[Finding]) -> str:
    """How many there are of each verdict but `ok`, worst first."""
    counts = Counter(finding.verdict for finding in findings)
    parts = []
    if counts[Verdict.BROKEN]:
        parts.append(f"{counts[Verdict.BROKEN]} broken")
    for verdict in (Verdict.WARNING, Verdict.NOTE):
        if count := counts[verdict]:
            parts.append(f"{count} {verdict.value}{'s' if count > 1 else ''}")
    return ", ".join(parts) or "Nothing is amiss."
