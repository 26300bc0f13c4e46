"""How a card names and writes scores."""

from collections.abc import Iterator
from typing import NamedTuple

from ulmfit_tfx.components.reports.perplexity import SlicePerplexity
from ulmfit_tfx.evaluation.scores import Interval


class ScoreName(NamedTuple):
    """Of a score: its name in the card, and that of the Hugging Face Hub's metric."""

    title: str
    metric: str


SCORES = {
    "accuracy": ScoreName("accuracy", "accuracy"),
    "auc": ScoreName("area under the ROC curve, mean over classes", "roc_auc"),
    "macro_f1": ScoreName("macro F1", "f1"),
    "micro_f1": ScoreName("micro F1", "f1"),
    "calibration_error": ScoreName("calibration error (ECE)", "expected_calibration_error"),
    "entity_precision": ScoreName("precision of entities", "precision"),
    "entity_recall": ScoreName("recall of entities", "recall"),
    "entity_f1": ScoreName("F1 of entities", "f1"),
    "mae": ScoreName("mean absolute error", "mae"),
    "rmse": ScoreName("root mean squared error", "rmse"),
    "pearson": ScoreName("Pearson correlation", "pearsonr"),
    "spearman": ScoreName("Spearman correlation", "spearmanr"),
    "one_minus_wmae": ScoreName("1 - wMAE", "one_minus_wmae"),
}


def with_interval(score: Interval | None) -> str:
    """A score in a cell, "" for none.

    >>> with_interval(Interval(0.81234, 0.79, 0.83))
    '0.8123 (0.7900 to 0.8300)'
    """
    return "" if score is None else f"{number(score.value)} ({number(score.low)} to {number(score.high)})"


def number(value: float | None) -> str:
    """A number in a cell, "" for none."""
    return "" if value is None else f"{value:.4f}"


def perplexities(measured: SlicePerplexity) -> Iterator[tuple[str, float]]:
    """Names and values of the perplexities that are known."""
    for direction, perplexity in measured.perplexity.items():
        for unit, value in (("piece", perplexity.piece), ("word", perplexity.word)):
            if value is not None:
                yield f"perplexity a {unit}, reading {direction}", value
