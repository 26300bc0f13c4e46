"""Lengths of encoded rows, counted by length: memory does not grow with the rows."""

import bisect
import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence


@dataclasses.dataclass(frozen=True)
class LengthSummary:
    """What there is to say about the lengths of rows.

    Attributes:
        rows: How many there are.
        pieces: Of all rows, `<s>` and `</s>` with them where they are added, as in all that follows but the last two.
        mean: Pieces of a row.
        standard_deviation: Of all rows, not estimated from a sample of them.
        minimum: Pieces of the shortest row.
        lower_quartile: Between the lengths of two rows, as those that follow, where it falls between them.
        median: Of the lengths.
        upper_quartile: Of the lengths.
        percentile_95: Of the lengths.
        percentile_99: Of the lengths.
        maximum: Pieces of the longest row.
        pieces_per_word: Pieces but for `<s>` and `</s>`, by words, which white space parts.
        unknown_share: Share of these pieces that are `<unk>`.
    """

    rows: int
    pieces: int
    mean: float
    standard_deviation: float
    minimum: int
    lower_quartile: float
    median: float
    upper_quartile: float
    percentile_95: float
    percentile_99: float
    maximum: int
    pieces_per_word: float
    unknown_share: float


class LengthStatistics:
    """Counts rows by length.

    Attributes:
        rows_by_length: Rows of each length, in pieces.
        words: Of all rows.
        marks: `<s>` and `</s>` of all rows.
        unknown: `<unk>` of all rows.
    """

    def __init__(self) -> None:
        self.rows_by_length: Counter[int] = Counter()
        self.words = self.marks = self.unknown = 0

    def add(self, lengths: Iterable[int], words: int, marks: int, unknown: int) -> None:
        """Counts a batch of rows.

        Args:
            lengths: Pieces of each row.
            words: Of all of them together, as what follows.
            marks: `<s>` and `</s>`.
            unknown: `<unk>`.
        """
        self.rows_by_length.update(lengths)
        self.words += words
        self.marks += marks
        self.unknown += unknown

    def summary(self) -> LengthSummary:
        """Sums up one or more rows."""
        counts = sorted(self.rows_by_length.items())
        rows = sum(count for _, count in counts)
        pieces = sum(length * count for length, count in counts)
        squares = sum(length * length * count for length, count in counts)
        text_pieces = pieces - self.marks
        lengths = [length for length, _ in counts]
        rows_up_to = list(itertools.accumulate(count for _, count in counts))
        lower, median, upper, high, highest = (
            _quantile(lengths, rows_up_to, percent) for percent in (25, 50, 75, 95, 99)
        )
        return LengthSummary(
            rows=rows,
            pieces=pieces,
            mean=pieces / rows,
            standard_deviation=math.sqrt(rows * squares - pieces * pieces) / rows,
            minimum=lengths[0],
            lower_quartile=lower,
            median=median,
            upper_quartile=upper,
            percentile_95=high,
            percentile_99=highest,
            maximum=lengths[-1],
            pieces_per_word=text_pieces / max(self.words, 1),
            unknown_share=self.unknown / max(text_pieces, 1),
        )


def _quantile(lengths: Sequence[int], rows_up_to: Sequence[int], percent: int) -> float:
    """A percentile, interpolated between the two rows that it falls between, as NumPy does it by default.

    Args:
        lengths: Ascending.
        rows_up_to: Rows of this length or a shorter one.
        percent: From 0 to 100.
    """
    place, rest = divmod(percent * (rows_up_to[-1] - 1), 100)
    below = lengths[bisect.bisect_right(rows_up_to, place)]
    if not rest:
        return float(below)
    above = lengths[bisect.bisect_right(rows_up_to, place + 1)]
    return below + (above - below) * rest / 100
