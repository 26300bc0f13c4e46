"""How many numbers the terms of each space share, so that the tables of a served model stay small.

Feature hashing: Weinberger et al. 2009, https://arxiv.org/abs/0902.2206.
"""

from collections.abc import Mapping

from ulmfit_tfx.trainer_modules.branches.comparison import compared_size
from ulmfit_tfx.trainer_modules.branches.features import CHARACTERS, PIECES, WORDS

_BYTES = 4
_FEWEST = 2**13
"""Fewer would mix up too many words."""
_MEGABYTE = 10**6


def fitting_buckets(
    buckets: Mapping[str, int], *, vocab_size: int, outputs: int, reads_pairs: bool, max_megabytes: float | None
) -> dict[str, int]:
    """Halves the buckets of words and of characters until the tables fit, or there would be too few of them.

    Args:
        buckets: As configured, by space.
        vocab_size: Pieces, which have numbers of their own.
        outputs: Of the task.
        reads_pairs: Whether terms of two texts are compared.
        max_megabytes: Of all tables together. None: no limit.

    Returns:
        Buckets by space. Those of pairs of pieces are the corpus statistics' and stay as they are: the tables may be
        larger than was asked for.
    """
    fitting = dict(buckets)
    while max_megabytes is not None and megabytes(fitting, vocab_size, outputs, reads_pairs) > max_megabytes:
        can_be_halved = [name for name in (WORDS, CHARACTERS) if fitting.get(name, 0) >= 2 * _FEWEST]
        if not can_be_halved:
            break
        fitting |= {name: fitting[name] // 2 for name in can_be_halved}
    return fitting


def megabytes(buckets: Mapping[str, int], vocab_size: int, outputs: int, reads_pairs: bool) -> float:
    """Size of the tables of some spaces: a weight a term and output, and how rare the term is."""
    sizes = [size + vocab_size if name == PIECES else size for name, size in buckets.items()]
    weights = sum(map(compared_size, sizes) if reads_pairs else sizes)
    return (weights * outputs + sum(sizes)) * _BYTES / _MEGABYTE
