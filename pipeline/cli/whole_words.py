"""Tables and sentences of which lines are broken between words alone, and not within a command."""

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ulmfit_tfx.pipeline.cli.two_columns import lines_of

_ANY_WIDTH = 10_000
"""As wide as no table is."""


class WholeWords:
    """A table one column of which is broken where the terminal is narrow, and never narrower than its longest word.

    Its lines are then longer than the terminal. It is a `rich` renderable, printed with `soft_wrap=True`.
    """

    def __init__(self, table: Table, column: int):
        """Takes a table.

        Args:
            table: All of whose other columns are `no_wrap`.
            column: That may be broken, from 0.
        """
        self.table = table
        self.column = column

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Renders it."""
        column = self.table.columns[self.column]
        cells = [console.render_str(str(cell)) for cell in (column.header, *column.cells, column.footer)]
        widest = max(line.cell_len for cell in cells for line in cell.split())
        longest = max((Text(word).cell_len for cell in cells for word in cell.plain.split()), default=0)
        whole = Measurement.get(console, options.update(max_width=_ANY_WIDTH), self.table).maximum
        width = max(min(options.max_width, whole), whole - widest + longest)
        yield from console.render(self.table, options.update(width=width, no_wrap=False, overflow="fold"))


def print_sentence(console: Console, sentence: str, style: str = "") -> None:
    """Prints a sentence, in rich's markup, between whose words lines are broken."""
    for line in lines_of(Text.from_markup(sentence, style=style), console.width):
        console.print(line, soft_wrap=True)
