"""How a card writes scores."""

from collections.abc import Iterator

from ulmfit_tfx.components.reports.perplexity import SlicePerplexity
from ulmfit_tfx.evaluation.catalogue import SCORES
from ulmfit_tfx.evaluation.intervals import Interval


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
        for name, value in (("perplexity", perplexity.piece), ("word_perplexity", perplexity.word)):
            if value is not None:
                yield f"{SCORES[name].title} {SCORES[name].unit}, reading {direction}", value
