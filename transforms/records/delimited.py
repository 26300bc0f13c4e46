"""Splits lines of delimited text into records: as CSV's (RFC 4180), or with quotation marks as they stand.

Where it is not known which of both a file is (`Quoting.UNKNOWN`), the first line decides that can be read in one way
only. A line without a field that begins with a quotation mark reads the same in both.
"""

import csv
import dataclasses
import enum
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ulmfit_tfx.transforms.records.line_lookahead import LineLookahead
from ulmfit_tfx.transforms.records.lines import escaped
from ulmfit_tfx.transforms.records.record import Refusal

MARK = '"'
_SPACE_BEFORE_QUOTES = re.compile(r' +".*"\s*$', re.DOTALL)


class Fields(NamedTuple):
    """A record.

    Attributes:
        line: That it begins on.
        values: Of its fields.
        spaced: Places of the fields of CSV's that begin with spaces and a quotation mark, and end with one, and stand
            in no quotation marks: they do where a writer puts a space after the delimiter.
    """

    line: int
    values: list[str]
    spaced: frozenset[int] = frozenset()


class Quoting(enum.Enum):
    """What quotation marks at the beginning of a field mean."""

    CSV = "csv"
    NONE = "none"
    UNKNOWN = "unknown"
    MOSTLY_NONE = "mostly none"
    """They are characters, and a record that can only be one of CSV's over several lines is refused."""


@dataclasses.dataclass(frozen=True)
class Dialect:
    """How the records of a file are written."""

    delimiter: str
    quoting: Quoting


class Reading(enum.Enum):
    """How a record can be read in which a field begins with a quotation mark."""

    QUOTED = "only as CSV's"
    PLAIN = "only with its marks as characters"
    EITHER = "in both ways"


class Judgement(NamedTuple):
    """How a record can be read, and how many lines it has when it is read as one of CSV's."""

    reading: Reading
    lines: int


def split_records(
    lines: LineLookahead, source: str, limit: int, dialect: Dialect, width: int | None = None
) -> Iterator[Fields | Refusal]:
    """Splits records.

    Args:
        lines: Those to come.
        source: The file's name, for refusals.
        limit: Characters of the longest record.
        dialect: How they are written.
        width: Number of columns, where it is known.

    Yields:
        The fields of a record, or a refusal. Blank lines are no records.
    """
    if dialect.quoting is Quoting.CSV:
        return _quoted_records(lines, source, limit, dialect.delimiter)
    return _plain_records(lines, source, limit, dialect, width)


def judge(lines: LineLookahead, place: int, limit: int, delimiter: str, width: int | None) -> Judgement:
    r"""How the record can be read that begins in a line to come. A mark inside of a field is one of a plain record.

    >>> def reading(*lines, width=2):
    ...     return judge(LineLookahead(iter(lines)), 0, 100, "\t", width).reading.name
    >>> reading('"a ""b"" c"\tx\n'), reading('"a\n', 'b"\tx\n'), reading('"a" b\tx\n'), reading('"a"\tx\n')
    ('QUOTED', 'QUOTED', 'PLAIN', 'EITHER')
    """
    line = lines.peek(place) or ""
    plain = line.removesuffix("\n").split(delimiter)
    found = _quoted_record(lines, place, limit, delimiter) if _has_field_in_marks(line, delimiter) else None
    if found is None:
        return Judgement(Reading.PLAIN, 1)
    fields, count = found
    width = len(fields) if width is None else width
    written = [line or "" for line in map(lines.peek, range(place, place + count))]
    stands_alone = all(each == "\n" or each.count(delimiter) + 1 == width for each in written)
    if stands_alone and count > 1 and width > 1:
        return Judgement(Reading.PLAIN, count)
    if len(fields) != width:
        return Judgement(Reading.PLAIN if stands_alone or count > 1 else Reading.EITHER, count)
    in_marks = [field for field, start in zip(fields, plain, strict=False) if start.startswith(MARK)]
    if stands_alone and not any(MARK in field for field in in_marks):
        return Judgement(Reading.EITHER, count)
    return Judgement(Reading.QUOTED, count)


def _has_field_in_marks(line: str, delimiter: str) -> bool:
    """Whether a field begins with a quotation mark."""
    return line.startswith(MARK) or delimiter + MARK in line


def _quoted_record(lines: LineLookahead, place: int, limit: int, delimiter: str) -> tuple[list[str], int] | None:
    """Fields of a record of CSV's that begins in a line to come, and how many lines it has. None: it is none."""
    size = count = 0

    def feed() -> Iterator[str]:
        nonlocal size, count
        while (line := lines.peek(place + count)) and "\0" not in line and size + len(line) <= limit + 1:
            size += len(line)
            count += 1
            yield line

    _allow_fields_of(limit)
    try:
        return next(csv.reader(feed(), delimiter=delimiter, strict=True)), count
    except (csv.Error, StopIteration):
        return None


def _plain_records(
    lines: LineLookahead, source: str, limit: int, dialect: Dialect, width: int | None
) -> Iterator[Fields | Refusal]:
    delimiter, quoting = dialect.delimiter, dialect.quoting
    while (line := lines.take()) != "":
        if line is None:
            yield Refusal.too_long(source, lines.number, limit)
            continue
        if quoting is Quoting.UNKNOWN and MARK in line and not _has_field_in_marks(line, delimiter):
            quoting = Quoting.MOSTLY_NONE
        elif quoting is not Quoting.NONE and MARK in line and _has_field_in_marks(line, delimiter):
            lines.give_back([line])
            judgement = judge(lines, 0, limit, delimiter, width)
            if judgement.reading is Reading.QUOTED:
                if quoting is Quoting.UNKNOWN:
                    yield from _quoted_records(lines, source, limit, delimiter)
                    return
                if judgement.lines > 1:
                    yield _spanning(lines, source, judgement.lines)
                    continue
            if judgement.reading is Reading.PLAIN:
                quoting = Quoting.MOSTLY_NONE
            lines.take()
        if line != "\n":
            yield Fields(lines.number, line.removesuffix("\n").split(delimiter))


def _spanning(lines: LineLookahead, source: str, count: int) -> Refusal:
    start = lines.number + 1
    row = "".join(lines.take() or "" for _ in range(count))
    detail = (
        f"{count} lines read as one row of CSV's, while other rows hold quotation marks that are characters: set "
        "data.quoting to csv, or to none"
    )
    return Refusal(source, start, "quoted field over several lines", detail, escaped(row.removesuffix("\n")))


def _allow_fields_of(limit: int) -> None:
    # Of the whole process, so never lowered: others read CSV too, such as Python's own list of installed packages.
    csv.field_size_limit(max(csv.field_size_limit(), limit + 1))


def _quoted_records(lines: LineLookahead, source: str, limit: int, delimiter: str) -> Iterator[Fields | Refusal]:
    """Splits CSV, giving up on a quotation mark that is not closed within `limit` characters.

    Only the line with that mark is then refused; the lines that it would have swallowed are read as rows again. A row
    that really is that long cannot be told from a mark forgotten, so its refusal names both.
    """
    taken: list[str] = []
    unclosed = 0  # of the lines that wait, those at whose end an earlier quotation mark was open that is never closed
    is_long = False

    def feed() -> Iterator[str]:
        nonlocal is_long
        size = 0
        # A mark that such a line leaves open is not closed either: what follows it was read so before.
        while not (taken and unclosed):
            line = lines.peek()
            if line is None or size + len(line) > limit + 1:
                is_long = True
                return
            if not line:
                return
            size += len(line)
            taken.append(line)
            lines.take()
            if "\0" in line:  # Python 3.10's reader says the same, later ones let it pass
                raise csv.Error("line contains NUL")
            yield line

    _allow_fields_of(limit)
    while True:
        unclosed = max(unclosed - len(taken), 0)
        taken.clear()
        is_long = False
        start = lines.number + 1
        try:
            fields = next(csv.reader(feed(), delimiter=delimiter, strict=True))
        except StopIteration:
            if not is_long:
                return
            lines.take()
            yield Refusal.too_long(source, start, limit)
            continue
        except csv.Error as error:
            detail = f"{error}, or longer than max_row_bytes={limit}" if is_long and not unclosed else str(error)
            unclosed = unclosed or max(len(taken) - 1, 0)
            lines.give_back(taken[1:])
            del taken[1:]
            yield Refusal(source, start, "malformed CSV", detail, escaped(taken[0].removesuffix("\n")))
            continue
        if fields:
            yield Fields(start, fields, _spaced(fields, taken, delimiter))


def _spaced(fields: list[str], written: Sequence[str], delimiter: str) -> frozenset[int]:
    """See `Fields.spaced`."""
    suspicious = [place for place, field in enumerate(fields) if _SPACE_BEFORE_QUOTES.match(field)]
    if not suspicious:
        return frozenset()
    # Within marks no space is left out.
    skipping = next(csv.reader(written, delimiter=delimiter, skipinitialspace=True))
    if len(skipping) != len(fields):
        return frozenset(suspicious)
    return frozenset(place for place in suspicious if skipping[place] != fields[place])
