"""Names the range of word counts that a text falls in, so that evaluation can be sliced by length."""

import bisect
from collections.abc import Sequence


def length_bucket(text: str, upper_bounds: Sequence[int]) -> str:
    """Range of word counts, upper bound included.

    The numbers have equal width, so that the names sort as the ranges do.

    >>> length_bucket("three short words", (2, 50)), length_bucket("one", (2, 50))
    ('03-50 words', '00-02 words')
    >>> length_bucket("w " * 51, (2, 50))
    'over 50 words'
    """
    return _name(bisect.bisect_left(upper_bounds, len(text.split())), upper_bounds)


def bucket_names(upper_bounds: Sequence[int]) -> list[str]:
    """Names of all ranges, ascending.

    >>> bucket_names((2, 50))
    ['00-02 words', '03-50 words', 'over 50 words']
    """
    return [_name(index, upper_bounds) for index in range(len(upper_bounds) + 1)]


def _name(index: int, upper_bounds: Sequence[int]) -> str:
    if index == len(upper_bounds):
        return f"over {upper_bounds[-1]} words" if upper_bounds else "all lengths"
    width = len(str(upper_bounds[-1]))
    lower = upper_bounds[index - 1] + 1 if index else 0
    return f"{lower:0{width}}-{upper_bounds[index]:0{width}} words"
