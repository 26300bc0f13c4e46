"""Shows what classifiers answer on a terminal."""

from collections.abc import Sequence

from rich.bar import Bar
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ulmfit_tfx.tasks.classification.predictor import Prediction
from ulmfit_tfx.tasks.terminal import answer_table, on_one_line

_CLASSES_SHOWN = 10
_BAR_WIDTH = 30
_NO_LABEL = "-"


def prediction_table(predictions: Sequence[Prediction], with_header: bool = True) -> Table:
    """A row a text: its label or labels, their probabilities, and as much of the text as fits on the line."""
    table = answer_table(with_header)
    classes = {name for prediction in predictions for name in prediction.probabilities}
    table.add_column("label", no_wrap=True, min_width=max(map(cell_len, [*classes, "label"])))
    table.add_column("probability", no_wrap=True, min_width=len("probability"))
    table.add_column("text", no_wrap=True, overflow="ellipsis")
    for prediction in predictions:
        probabilities = (f"{prediction.probabilities[label]:.3f}" for label in prediction.labels)
        labels = "\n".join(prediction.labels) or _NO_LABEL
        table.add_row(escape(labels), "\n".join(probabilities), escape(on_one_line(prediction.text)))
    return table


def probability_bars(prediction: Prediction) -> RenderableType:
    """A bar a class, the most probable first, the labels given in bold. Of many classes the first ten."""
    table = Table.grid(padding=(0, 2))
    ranked = sorted(prediction.probabilities.items(), key=lambda item: -item[1])
    for name, probability in ranked[:_CLASSES_SHOWN]:
        style = "bold green" if name in prediction.labels else ""
        bar = Bar(1, 0, probability, width=_BAR_WIDTH, color="green" if style else "bright_black")
        table.add_row(Text(name, style), Text(f"{probability:.3f}", style), bar)
    parts: list[RenderableType] = [table]
    if not prediction.labels:
        parts.insert(0, Text("no label is probable enough", "dim"))
    if rest := ranked[_CLASSES_SHOWN:]:
        together = sum(probability for _, probability in rest)
        parts.append(Text(f"{len(rest):,} more classes, {together:.3f} together", "dim"))
    return Group(*parts)
