"""Splits texts into sentences, by the rules of the `sentence-splitter` package (those of the Moses toolkit).

The package says of each place where a sentence might end whether one does. This module finds the places and cuts, so
that no character gets lost, and the time is in proportion to a text's length: the package's own, given a whole text,
grows with the square of it.
"""

import functools
import re
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import sentence_splitter
from sentence_splitter import SentenceSplitter

_OWN_ABBREVIATIONS = Path(__file__).with_name("abbreviations")

_MARK = r"""[.?!…](?: »)?['"\u2018\u2019“”«»)\]]*"""
_NEXT_SENTENCE = r"[-\u2013— ]*([^\w\n]{0,8}\w)"  # after dashes, up to its first letter or digit
_SPACE = re.compile(f"{_MARK}( )(?={_NEXT_SENTENCE})")

# The rules know points alone, and of quotation marks those that close in English, or open there.
_AS_END = str.maketrans({"…": "...", "\u2018": "\u2019", "“": "”", "«": "»"})
_AS_BEGINNING = str.maketrans({"`": "'", "\u201a": "\u2018", "„": "“", "»": "«"})

_LONGEST_WORD = 40
"""The package looks up words without their beginning, if they are longer. No abbreviation is."""
_ASKED_AT_ONCE = 1000


class _Place(NamedTuple):
    space: int
    end: str
    beginning: str


def split_sentences(text: str, language: str) -> list[str]:
    """Splits a text into its sentences, with single spaces for white space.

    >>> split_sentences("Dr. No saw  it. He left.", "en")
    ['Dr. No saw it.', 'He left.']

    The end of a line is the end of a sentence. A dash, as in dialogues, belongs to what follows it:

    >>> split_sentences("— Nie! — zawołał prof. Lis. — To np. św. Anna…", "pl")
    ['— Nie! — zawołał prof. Lis.', '— To np. św. Anna…']

    Args:
        text: Any text.
        language: One of `SentenceLanguage`.

    Returns:
        The sentences, none empty. Joined, they are the text, but for white space.
    """
    lines = "\n".join(" ".join(line.split()) for line in text.splitlines())
    ends = _where_sentences_end(_splitter(language), list(_places(lines)))
    cuts = [-1, *(place.space for place in ends), len(lines)]
    parts = (lines[before + 1 : cut] for before, cut in pairwise(cuts))
    return [sentence for part in parts for sentence in part.split("\n") if sentence]


def _places(lines: str) -> Iterator[_Place]:
    """Where sentences might end, each with the word before it and what follows, as the package is to see them."""
    for found in _SPACE.finditer(lines):
        space, beginning = found.start(1), found[2]
        if not beginning[-1].islower():  # the rules end no sentence before a lower-case letter
            mark = found.start() + 1
            end = lines[max(mark - _LONGEST_WORD, 0) : mark].split()[-1] + lines[mark:space]
            yield _Place(space, end.translate(_AS_END), beginning.translate(_AS_BEGINNING))


def _where_sentences_end(splitter: SentenceSplitter, places: list[_Place]) -> list[_Place]:
    contexts = list(dict.fromkeys((place.end, place.beginning) for place in places))
    is_end = {}
    for first in range(0, len(contexts), _ASKED_AT_ONCE):
        asked = contexts[first : first + _ASKED_AT_ONCE]
        answers = "\n".join(splitter.split("\n\n".join(map(" ".join, asked)))).split("\n\n")
        for (end, beginning), answer in zip(asked, answers, strict=True):
            is_end[end, beginning] = answer.startswith(f"{end}\n")
    return [place for place in places if is_end[place.end, place.beginning]]


@functools.cache
def _splitter(language: str) -> SentenceSplitter:
    """The package's splitter, with its abbreviations and those that it lacks: it takes one file alone."""
    listed = Path(sentence_splitter.__file__).with_name("non_breaking_prefixes") / f"{language}.txt"
    own = _OWN_ABBREVIATIONS / f"{language}.txt"
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as both:
        for file in [listed, own] if own.exists() else [listed]:
            both.write(file.read_text(encoding="utf-8") + "\n")
        both.flush()
        return SentenceSplitter(language, both.name)
