"""What the tasks have in common where they show answers on a terminal."""

from rich.table import Table

_SHOWN = 500


def answer_table(with_header: bool) -> Table:
    """A table without lines, for a row a text."""
    return Table(box=None, pad_edge=False, header_style="dim", show_header=with_header)


def on_one_line(text: str) -> str:
    """The beginning of a text, without line ends."""
    return " ".join(text[:_SHOWN].split())
