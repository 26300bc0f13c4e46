"""A sentence as it may have been written, where only its words are known."""

import re
from collections.abc import Sequence

from ulmfit_tfx.transforms.spaceless_scripts import is_spaceless

_CLOSING, _OPENING = frozenset(".,;:!?)]}%\u2026"), frozenset("([{$\u00bf\u00a1")
"""Words of one mark that stand right after the word before, and right before the word after."""
_FULL_WIDTH = re.compile(r"[\u3001-\u303f\uff01-\uff60\u30fb\u30fc]")
"""Punctuation of Chinese and Japanese, and the sign of a long vowel: no space stands on either side."""


def written(words: Sequence[str]) -> str:
    """Puts spaces between words, but where people write none.

    >>> written(["to", "London", "(", "UK", ")", "."])
    'to London (UK).'
    >>> written(["我们", "在", "北京", "。"]), written(["ใช้", "Python", "3"])
    ('我们在北京。', 'ใช้ Python 3')
    """
    parts: list[str] = []
    before = ""
    for word in words:
        if before and not _are_joined(before, word):
            parts.append(" ")
        parts.append(word)
        before = word
    return "".join(parts)


def _are_joined(before: str, word: str) -> bool:
    return word in _CLOSING or before in _OPENING or (_has_no_space(before[-1:]) and _has_no_space(word[:1]))


def _has_no_space(character: str) -> bool:
    return is_spaceless(character) or _FULL_WIDTH.match(character) is not None
