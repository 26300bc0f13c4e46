"""What a cleaning would do, as tables."""

import itertools
from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from ulmfit_tfx.pipeline.tools.clean.item import Item
from ulmfit_tfx.pipeline.tools.clean.rules import Verdict, in_units

_NAMED = 3
"""Names of a stage or model that are shown; of the others the number."""


class Overview:
    """What goes, by stage and model, and what stays, by reason."""

    def __init__(self, verdicts: Sequence[Verdict], now: float):
        """Takes what was decided, and the time in seconds since 1970."""
        self._goes = [verdict.item for verdict in verdicts if verdict.goes]
        self._stays = [verdict for verdict in verdicts if not verdict.goes]
        self._now = now

    @property
    def going(self) -> str:
        """How much goes, in words."""
        return _amount(self._goes)

    def show(self, console: Console, title: str) -> None:
        """Prints both tables, what would go first."""
        if self._goes:
            console.print(self._going(f"{title}: to be removed"))
        if self._stays:
            console.print(self._staying(f"{title}: stays"))

    def _going(self, title: str) -> Table:
        table = Table(box=box.SIMPLE, title=escape(title), title_justify="left", show_footer=True)
        table.add_column("kind", "total", no_wrap=True)
        table.add_column("of", no_wrap=True)
        table.add_column("which", overflow="fold")
        table.add_column("unused", justify="right", no_wrap=True)
        table.add_column("size", decimal(sum(item.size for item in self._goes)), justify="right", no_wrap=True)
        for (kind, of), group in itertools.groupby(self._goes, key=lambda item: (item.kind, item.of)):
            items = list(group)
            size = decimal(sum(item.size for item in items))
            table.add_row(kind, escape(of), escape(_names(items)), self._ages(items), size)
        return table

    def _staying(self, title: str) -> Table:
        table = Table(box=box.SIMPLE, title=escape(title), title_justify="left")
        table.add_column("kind", no_wrap=True)
        table.add_column("why", overflow="fold")
        table.add_column("how many", justify="right", no_wrap=True)
        table.add_column("size", justify="right", no_wrap=True)
        counts = Counter((verdict.item.kind, verdict.reason) for verdict in self._stays)
        for (kind, reason), count in sorted(counts.items()):
            items = [each.item for each in self._stays if (each.item.kind, each.reason) == (kind, reason)]
            which = f" ({_names(items)})" if kind == "versions" else ""
            table.add_row(kind, escape(reason + which), str(count), decimal(sum(item.size for item in items)))
        return table

    def _ages(self, items: Sequence[Item]) -> str:
        """From the shortest to the longest."""
        ages = sorted(self._now - item.last_used for item in items)
        shortest, longest = in_units(ages[0]), in_units(ages[-1])
        return shortest if shortest == longest else f"{shortest} to {longest}"


def _amount(items: Sequence[Item]) -> str:
    things = "1 thing" if len(items) == 1 else f"{len(items):,} things"
    return f"{things}, {decimal(sum(item.size for item in items))}"


def _names(items: Sequence[Item]) -> str:
    names = [item.name + (" (half removed)" if item.half_removed else "") for item in items]
    shown = names if len(names) <= _NAMED + 1 else [*names[:_NAMED], f"{len(names) - _NAMED} more"]
    return ", ".join(shown)
