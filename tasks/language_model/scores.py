"""The scores of language models: perplexity a piece and a word."""

import math
from typing import Literal

from ulmfit_tfx.schemas.section import Direction

Unit = Literal["piece", "word"]


def metric_name(per: Unit, direction: Direction) -> str:
    """Name in TFMA's results: `perplexity_forward`, `word_perplexity_backward` and so on."""
    return ("word_" if per == "word" else "") + f"perplexity_{direction}"


def perplexity(negative_log_likelihood: float, units: float) -> float:
    """Of texts together, exp(negative log likelihood / units).

    Args:
        negative_log_likelihood: In nats, the sum over the texts.
        units: Pieces or words in them.

    Returns:
        nan where there are no units: there is nothing to measure, and nan is below no threshold. inf where the result
        is larger than a float can be.
    """
    if not units:
        return math.nan
    try:
        return math.exp(negative_log_likelihood / units)
    except OverflowError:
        return math.inf
