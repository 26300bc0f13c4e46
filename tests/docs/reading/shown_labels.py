"""The words of a shown output that stay the same from run to run: headings, names of rows, closing lines."""

import re

_LABEL = re.compile(r"\s*([^\d\s{\[─][^\d]*?):?(?:\s{2,}[-+(\d].*)?")
"""A line without digits, or what stands before a column of numbers."""
_LEFT_OUT = "..."


def labels(shown: str) -> list[str]:
    """Labels of an output, single spaces within.

    >>> labels("Report:\\n  rows in   375\\n  rate: mean   0.1\\n...\\nfew: 7 of a hundred\\nA  text")
    ['Report', 'rows in', 'rate: mean', 'A text']
    """
    lines = [line.rstrip() for line in shown.splitlines() if line.strip() != _LEFT_OUT]
    return [" ".join(found.group(1).split()) for found in map(_LABEL.fullmatch, lines) if found]


def is_in(label: str, output: str) -> bool:
    """Whether an output has a label, whatever its spaces are; `...` within it stands for anything."""
    pattern = ".*".join(map(re.escape, label.split(_LEFT_OUT)))
    return re.search(pattern, " ".join(output.split())) is not None
