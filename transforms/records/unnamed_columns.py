"""Tells a file without a header line by its first rows, and which of its columns may be which."""

import re
from collections.abc import Sequence
from statistics import fmean

_WORDS_OF_A_NAME = 4
_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")
_PLAIN_NAME = re.compile(r"[A-Za-z_][\w ]*")


def is_a_row(first: Sequence[str], rows: Sequence[Sequence[str]], needed: Sequence[str]) -> bool:
    """Whether a file's first line looks like a row and not like names of columns.

    It does where it names none of the columns that are needed, and a field is a number, has more words than a name has,
    or stands in the same column of a row below.

    >>> rows = [["spam", "Win a prize now"], ["ham", "See you later"]]
    >>> is_a_row(["ham", "Ok then"], rows, ["text", "label"]), is_a_row(["class", "message"], rows, ["text", "label"])
    (True, False)

    Args:
        first: Fields of the first line.
        rows: Those of the rows below, as many in each.
        needed: Columns that are needed.
    """
    if set(first) & set(needed):
        return False
    for place, field in enumerate(first):
        name = field.strip()
        if _NUMBER.fullmatch(name) or len(name.split()) > _WORDS_OF_A_NAME:
            return True
        if name and any(row[place].strip() == name for row in rows):
            return True
    return False


def as_columns(rows: Sequence[Sequence[str]], needed: Sequence[str]) -> list[str]:
    """Names for the columns of rows, in their order, as YAML.

    The first name that is needed, that of the text, goes to the column with the longest fields, the others to those
    with the fewest different ones.

    >>> as_columns([["ham", "1", "Ok then"], ["spam", "2", "Win a prize"], ["ham", "3", "Bye now"]], ["text", "label"])
    ['label', 'column_2', 'text']
    """
    places = range(len(rows[0]))
    [text, *others] = dict.fromkeys(needed)
    longest = max(places, key=lambda place: fmean(len(row[place]) for row in rows))
    by_variety = sorted(places, key=lambda place: len({row[place] for row in rows}))
    named = {longest: text} | dict(zip((place for place in by_variety if place != longest), others, strict=False))
    return [_quoted(named.get(place, f"column_{place + 1}")) for place in places]


def _quoted(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
