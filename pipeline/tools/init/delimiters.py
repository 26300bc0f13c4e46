"""Tells what stands between the columns of a file.

Python's `csv.Sniffer` takes letters for delimiters. Here a candidate has to cut all records into as many fields.
"""

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

CANDIDATES = (",", "\t", ";", "|")
_RECORDS = 500
_LEAST_SHARE = 0.9
"""Of the records that have as many fields as most: fewer, and it is no delimiter."""
_SEPARATOR_LINE = re.compile(r"\ufeff?sep=(.)\r?\n?", re.IGNORECASE)


class Columns(NamedTuple):
    """How lines are cut.

    Attributes:
        delimiter: Between columns.
        quoted: Whether fields stand in quotation marks.
        header: The fields of the first record.
        rows: Those of the following ones that have as many.
    """

    delimiter: str
    quoted: bool
    header: list[str]
    rows: list[list[str]]


def sniff(lines: Iterable[str]) -> Columns | None:
    """Tells how lines are cut into columns; None where no candidate cuts them evenly.

    >>> sniff(["text;label", "So, so;bad", "Well, well;good"]).delimiter
    ';'

    Args:
        lines: The first ones, each with its line end. A first line `sep=;`, as Excel writes it, decides.
    """
    kept = list(lines)
    if kept and (named := _SEPARATOR_LINE.fullmatch(kept[0])):
        return _cut(kept[1:], named[1], quoted=True)
    found: list[Columns] = [
        columns
        for delimiter in CANDIDATES
        for quoted in (True, False)
        if (columns := _cut(kept, delimiter, quoted)) is not None
    ]
    return max(found, key=_goodness) if found else None


def _goodness(columns: Columns) -> tuple[float, int, bool, int]:
    """More records that fit, then more columns; of those that cut alike, the quoted one where there are quotes."""
    fitting = len(columns.rows)
    has_quotes = any(field.startswith('"') for row in columns.rows for field in row)
    return fitting, len(columns.header), columns.quoted or not has_quotes, -CANDIDATES.index(columns.delimiter)


def _cut(lines: list[str], delimiter: str, quoted: bool) -> Columns | None:
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    try:
        reader = csv.reader(lines, delimiter=delimiter, quoting=quoting)
        records = [record for record in itertools.islice(reader, _RECORDS) if record]
    except csv.Error:
        return None
    if not records or len(records[0]) < 2:
        return None
    widths = Counter(map(len, records))
    if widths[len(records[0])] < _LEAST_SHARE * len(records):
        return None
    header, *rows = records
    return Columns(delimiter, quoted, header, [row for row in rows if len(row) == len(header)])
