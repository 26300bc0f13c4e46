"""Tables and charts of classes, be they of texts or of words."""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from ulmfit_tfx.evaluation import charts
from ulmfit_tfx.evaluation.blocks import Cell, Chart, Table, count_cell, number_cell
from ulmfit_tfx.evaluation.scores import LabelScores

_SHOWN_CLASSES = 20
_SHOWN_CONFUSIONS = 12


def class_table(
    caption: str,
    what: str,
    names: Sequence[str],
    expected: Sequence[str] | np.ndarray,
    predicted: Sequence[str] | np.ndarray,
) -> Table:
    """Precision, recall and F1 of each class.

    Args:
        caption: Of the table.
        what: Heading of the classes.
        names: Of the classes.
        expected: A class a row, or bool [rows, classes] where a row has any number of them.
        predicted: Likewise.
    """
    labels = None if isinstance(expected, np.ndarray) else list(names)
    scores = precision_recall_fscore_support(expected, predicted, labels=labels, average=None, zero_division=0)
    return label_table(caption, what, [LabelScores(*values) for values in zip(names, *scores, strict=True)])


def label_table(caption: str, what: str, scores: Sequence[LabelScores]) -> Table:
    """Lays the scores of classes out."""
    rows = tuple(
        (
            Cell(of_label.label),
            *(number_cell(float(value), with_bar=True) for value in (of_label.precision, of_label.recall, of_label.f1)),
            count_cell(int(of_label.support)),
        )
        for of_label in scores
    )
    return Table(caption, (what, "precision", "recall", "F1", "support"), rows)


def confusions(names: Sequence[str], expected: Sequence[str], predicted: Sequence[str], unit: str) -> Chart:
    """The confusion matrix, of the classes that are most often confused where there are many.

    Args:
        names: Of the classes.
        expected: A class each.
        predicted: Likewise.
        unit: What is counted, such as `rows`.
    """
    counts = confusion_matrix(expected, predicted, labels=list(names))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shown = _most_confused(counts)
    cells = np.ix_(shown, shown)
    caption = f"Rows: expected; columns: predicted. Shades are shares of what is expected, numbers count {unit}."
    if len(shown) < len(names):
        caption += f" The {len(shown)} most confused of {len(names)} classes."
    return charts.heat_map(counts[cells], shares[cells], [names[index] for index in shown], caption, unit)


def _most_confused(counts: np.ndarray) -> np.ndarray:
    """Indices of the classes to show, in their order."""
    errors = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)
    return np.sort(np.argsort(-errors, kind="stable")[:_SHOWN_CLASSES])


def confusion_table(names: Sequence[str], expected: Sequence[str], predicted: Sequence[str], unit: str) -> Table:
    """The pairs of classes that are most often confused."""
    counts = confusion_matrix(expected, predicted, labels=list(names))
    of_expected = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:_SHOWN_CONFUSIONS]
    pairs = [np.unravel_index(index, counts.shape) for index in order]
    rows = tuple(
        (
            Cell(names[row]),
            Cell(names[column]),
            count_cell(int(counts[row, column])),
            number_cell(float(counts[row, column] / of_expected[row]), with_bar=True),
        )
        for row, column in pairs
        if counts[row, column]
    )
    return Table("Most frequent confusions", ("expected", "predicted", unit, "share of the expected"), rows)
