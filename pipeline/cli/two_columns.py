"""Names and what belongs to them, in two columns, of which lines are broken between words alone.

rich's own tables cut what is longer than a column: a path that is cut cannot be copied, and a number is another one.
"""

import re
from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

_INDENT, _BETWEEN = 2, 3
_LEAST_WIDTH = 20
"""Of the second column, however narrow the terminal."""
_BREAK = re.compile(r"(?<=[^\s\d%]) (?=[^\s\d])|(?<=[,;:)\]]) (?=\S)|(?<=\S) {2,}(?=\S)")
"""Between two words, but not between a number and its word; and where a layout has a wider gap."""
_OPTION = re.compile(r"(?<!\S)--[\w-]+$")
_ENDS = ",;:)]"
"""Of the parts of a list or sentence: the better places for a break."""


class TwoColumns:
    """A table of two columns without lines. What fits on no line stays whole, and the line is longer.

    It is a `rich` renderable, printed as wide as the console.
    """

    def __init__(self, title: str = ""):
        """Creates an empty one.

        Args:
            title: Above it, in rich's markup.
        """
        self.title = title
        self.rows: list[tuple[Text, Text]] = []

    def add_row(self, name: str, value: str) -> None:
        """Adds a row.

        Args:
            name: In rich's markup; empty where the row goes on with what is above it.
            value: In rich's markup; may have several lines.
        """
        self.rows.append((Text.from_markup(name, style="dim"), Text.from_markup(value)))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Renders it."""
        if self.title:
            yield _unbroken(Text.from_markup(self.title, style="italic"))
        width = max((name.cell_len for name, _ in self.rows), default=0)
        room = max(options.max_width - _INDENT - width - _BETWEEN, _LEAST_WIDTH)
        yield Text()
        for name, value in self.rows:
            margin = name.copy()
            for line in lines_of(value, room):
                margin.pad_right(width - margin.cell_len)
                yield _unbroken(Text.assemble(" " * _INDENT, margin, " " * _BETWEEN, line))
                margin = Text()
        yield Text()


def _unbroken(line: Text) -> Text:
    line.no_wrap, line.overflow = True, "ignore"
    line.rstrip()
    return line


def lines_of(value: Text, room: int) -> Iterator[Text]:
    """Lines of at most `room` cells, where words, and commands in backticks, are no longer."""
    for paragraph in value.split("\n", allow_blank=True):
        yield from _wrapped(paragraph, room)


def _wrapped(paragraph: Text, room: int) -> Iterator[Text]:
    plain, start = paragraph.plain, 0
    while cell_len(plain[start:]) > room and (gap := _gap(plain, start, room)) is not None:
        yield paragraph[start : gap.start()]
        start = gap.end()
    yield paragraph[start:]


def _may_break(plain: str, gap: re.Match[str]) -> bool:
    """Whether a gap is not within a command, nor between an option and its value."""
    before = plain[: gap.start()]
    return before.count("`") % 2 == 0 and _OPTION.search(before) is None


def _gap(plain: str, start: int, room: int) -> re.Match[str] | None:
    """Where a line ends: after the last part that fits, where that is at least half of it, else the last word."""
    gaps = [match for match in _BREAK.finditer(plain, start) if match.start() > start and _may_break(plain, match)]
    fitting = [gap for gap in gaps if cell_len(plain[start : gap.start()]) <= room]
    if not fitting:
        return gaps[0] if gaps else None
    parts = [
        gap for gap in fitting if plain[gap.start() - 1] in _ENDS and cell_len(plain[start : gap.start()]) >= room / 2
    ]
    return parts[-1] if parts else fitting[-1]
