"""Shows what regressors answer on a terminal."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ulmfit_tfx.tasks.regression.predictor import ScorePrediction
from ulmfit_tfx.tasks.terminal import answer_table, on_one_line


def score_table(predictions: Sequence[ScorePrediction], with_header: bool = True) -> Table:
    """A row a text: its scores, and as much of the text as fits on the line."""
    table = answer_table(with_header)
    for target in predictions[0].scores if predictions else ():
        table.add_column(escape(target), no_wrap=True, justify="right", min_width=max(cell_len(target), 8))
    table.add_column("text", no_wrap=True, overflow="ellipsis")
    for prediction in predictions:
        table.add_row(*map(_score, prediction.scores.values()), escape(on_one_line(prediction.text)))
    return table


def score_lines(prediction: ScorePrediction) -> RenderableType:
    """A line a target."""
    return Group(*(Text(f"{target}  {_score(score)}") for target, score in prediction.scores.items()))


def _score(score: float) -> str:
    return f"{score:,.3f}"
