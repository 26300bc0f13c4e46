"""Shows how far reading and training are, on a terminal."""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ulmfit_tfx.pipeline.console import output

if TYPE_CHECKING:
    from ulmfit_tfx.pipeline.tools.tokenizer.texts import Texts


@contextlib.contextmanager
def shown(state: Callable[[], str]) -> Iterator[None]:
    """Shows a line that is asked for anew several times a second, and the time, until the block ends."""
    if not output.is_terminal:
        yield
        return
    from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TimeElapsedColumn
    from rich.text import Text

    class _State(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(state())

    with Progress(SpinnerColumn(), _State(), TimeElapsedColumn(), console=output, transient=True) as progress:
        progress.add_task("", total=None)
        yield


def how_far(texts: "Texts") -> str:
    """How far texts have been read."""
    share = f", {texts.share_read:.0%} of the files" if texts.share_read else ""
    return f"Reading: {texts.rows:,} rows, {texts.text_bytes / 1e6:,.0f} MB of text{share}"


def show_left_out(texts: "Texts") -> None:
    """Says how many rows were left out by which rules, and refused for which reasons, with the first of them."""
    from ulmfit_tfx.pipeline.tools.tokenizer.texts import counted

    if texts.dropped:
        output.print(f"{sum(texts.dropped.values()):,} rows left out ({counted(texts.dropped)})", markup=False)
    if texts.refused:
        output.print(f"{sum(texts.refused.values()):,} rows refused ({counted(texts.refused)}), such as", markup=False)
        for refusal in texts.first_refusals:
            output.print(f"  {refusal}", style="dim", markup=False)
