"""Shows predictions as a table."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from ulmfit_tfx.trainer_modules.export.loaded_model import Prediction

_SHOWN = 500


def prediction_table(predictions: Sequence[Prediction]) -> Table:
    """A row a text: its label, the label's probability, and as much of the text as fits on the line."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("label", no_wrap=True, min_width=max(len(prediction.label) for prediction in predictions))
    table.add_column("probability", no_wrap=True, min_width=len("probability"))
    table.add_column("text", no_wrap=True, overflow="ellipsis")
    for prediction in predictions:
        text = " ".join(prediction.text[:_SHOWN].split())
        table.add_row(escape(prediction.label), f"{prediction.probabilities[prediction.label]:.3f}", escape(text))
    return table
