"""The report as plain text, for where rich is missing."""

from collections.abc import Sequence

from ulmfit_tfx.pipeline.tools.doctor.finding import Finding, by_remedy, summary


def as_text(findings: Sequence[Finding]) -> str:
    """The table, then what is amiss, then how much that is."""
    widths = [max(len(cell) for cell in column) for column in zip(*map(_row, findings), strict=True)]
    rows = [
        "  ".join(cell.ljust(width) for cell, width in zip(_row(finding), widths, strict=True)) for finding in findings
    ]
    parts = ["\n".join(map(str.rstrip, rows)), problems_as_text(findings), summary(findings)]
    return "\n\n".join(filter(None, parts))


def _row(finding: Finding) -> tuple[str, str, str]:
    return finding.verdict.value, finding.check, finding.found


def problems_as_text(findings: Sequence[Finding]) -> str:
    """What is amiss, and below it the command that mends it; "" where all is well."""
    blocks = []
    for remedy, group in by_remedy(findings):
        lines = [f"{finding.verdict.value}: {finding.problem}" for finding in group]
        blocks.append("\n".join([*lines, *([f"  {remedy}"] if remedy else [])]))
    return "\n\n".join(blocks)
