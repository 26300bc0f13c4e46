"""Shows predictions as a table."""

from collections.abc import Sequence

from rich.table import Table

from ulmfit_tfx.pipeline.saved_model import Prediction

_SHOWN = 70


def prediction_table(predictions: Sequence[Prediction]) -> Table:
    """A row a text: the text, shortened, its label and the label's probability."""
    table = Table("text", "label", "probability", box=None, pad_edge=False, header_style="dim")
    for prediction in predictions:
        text = " ".join(prediction.text.split())
        shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
        table.add_row(shown, prediction.label, f"{prediction.probabilities[prediction.label]:.3f}")
    return table
