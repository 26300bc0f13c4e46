"""How raw text is to be cut into words, so that a tagger is asked for such words as it was trained on."""

from collections.abc import Sequence
from typing import Any

from ulmfit_tfx.components.reports.accounting import ENOUGH_ALIKE
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.records.recut_words import RECUT, alike

_DEFAULT = "punctuation"
_WORTH_IT = 0.05
"""Share of the sentences that another way has to cut right besides."""


def cut_as_served(sentences: Sequence[Row]) -> dict[str, Any]:
    """Fields of the section `tagging` with which most sentences are cut as serving cuts them; none for the defaults.

    >>> words = ("\u6211\u4eec", "\u5728", "\u5317\u4eac")
    >>> cut_as_served([Row("", words=words, tags=("PRON", "ADP", "PROPN"))])
    {'recut': True}

    Args:
        sentences: Rows with words, one or more.
    """
    counts = alike(sentences)
    best = max(counts, key=lambda cut: counts[cut])
    shares = {cut: count / len(sentences) for cut, count in counts.items()}
    if shares[_DEFAULT] >= ENOUGH_ALIKE or shares[best] < shares[_DEFAULT] + _WORTH_IT:
        return {}
    return {"recut": True} if best == RECUT else {"words": best}
