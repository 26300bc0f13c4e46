"""Shows continuations on a terminal."""

import re
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from ulmfit_tfx.tasks.language_model.predictor import Completion

_SHOWN = 200


def completion_table(completions: Sequence[Completion]) -> Table:
    """A row a continuation: its log probability, that of a piece on average, and the text, as much as wanted of it."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("log probability", justify="right", no_wrap=True, min_width=len("log probability"))
    table.add_column("per piece", justify="right", no_wrap=True, min_width=len("per piece"))
    table.add_column("text", overflow="fold")
    for completion in completions:
        table.add_row(
            f"{completion.log_probability:.2f}",
            f"{completion.log_probability_per_piece:.2f}",
            Text.assemble(
                (_end_of(completion.prompt), "dim"),
                (_on_one_line(completion.continuation), "bold"),
                (" </s>" if completion.ended else "", "dim"),
            ),
        )
    return table


def _end_of(prompt: str) -> str:
    line = _on_one_line(prompt)
    return line if len(line) <= _SHOWN else f"…{line[-_SHOWN:]}"


def _on_one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)
