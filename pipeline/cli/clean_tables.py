"""What a cleaning would do, as tables."""

import itertools
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from ulmfit_tfx.pipeline.cli.whole_words import WholeWords
from ulmfit_tfx.pipeline.tools.clean.rules import Item, in_units

_NAMED = 3
"""Names of a stage or model that are shown; of the others the number."""


def show(console: Console, title: str, items: Sequence[Item], now: float) -> None:
    """Prints what goes, by stage and model, and what stays, by reason.

    Args:
        console: To print to.
        title: Of the folder.
        items: Judged ones.
        now: In seconds since 1970.
    """
    if going := [item for item in items if item.goes]:
        _print(console, f"{title}: to be removed", WholeWords(_going(going, now), 2))
    if staying := [item for item in items if not item.goes]:
        _print(console, f"{title}: stays", WholeWords(_staying(staying), 1))


def amount(items: Sequence[Item]) -> str:
    """How much that is, in words."""
    things = "1 thing" if len(items) == 1 else f"{len(items):,} things"
    return f"{things}, {_size(items)}"


def _print(console: Console, title: str, table: WholeWords) -> None:
    console.print(title, style="italic", markup=False, soft_wrap=True)  # as a table's title a path would be cut
    console.print(table, soft_wrap=True)


def _going(going: Sequence[Item], now: float) -> Table:
    table = Table(box=box.SIMPLE, show_footer=True)
    table.add_column("kind", "total", no_wrap=True)
    table.add_column("of", no_wrap=True)
    table.add_column("which")
    table.add_column("unused", justify="right", no_wrap=True)
    table.add_column("size", _size(going), justify="right", no_wrap=True)
    for (kind, of), group in itertools.groupby(going, key=lambda item: (item.kind, item.of)):
        items = list(group)
        ages = sorted(now - item.last_used for item in items)
        unused = " to ".join(dict.fromkeys([in_units(ages[0]), in_units(ages[-1])]))
        table.add_row(kind, escape(of), escape(_names(items)), unused, _size(items))
    return table


def _staying(staying: Sequence[Item]) -> Table:
    table = Table(box=box.SIMPLE)
    table.add_column("kind", no_wrap=True)
    table.add_column("why")
    table.add_column("how many", justify="right", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    groups: dict[tuple[str, str], list[Item]] = {}
    for item in staying:
        groups.setdefault((item.kind, item.reason), []).append(item)
    for (kind, reason), items in sorted(groups.items()):
        which = f" ({_names(items)})" if kind == "versions" else ""
        table.add_row(kind, escape(reason + which), str(len(items)), _size(items))
    return table


def _size(items: Sequence[Item]) -> str:
    return decimal(sum(item.size for item in items))


def _names(items: Sequence[Item]) -> str:
    names = [item.name + (" (half removed)" if item.half_removed else "") for item in items]
    shown = names if len(names) <= _NAMED + 1 else [*names[:_NAMED], f"{len(names) - _NAMED} more"]
    return ", ".join(shown)
