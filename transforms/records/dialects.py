"""Recognizes how a file of delimited text is written: its delimiter, and what quotation marks mean in it."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import BinaryIO

from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.table import TableConfig
from ulmfit_tfx.transforms.records.delimited import MARK, Dialect, Judgement, Quoting, Reading, judge, split_records
from ulmfit_tfx.transforms.records.line_lookahead import LineLookahead
from ulmfit_tfx.transforms.records.lines import bounded_lines, open_text
from ulmfit_tfx.transforms.records.record import Refusal

_DELIMITERS = (",", "\t", ";", "|")
_QUOTED_BY_CUSTOM = (",", ";")
"""Delimiters of files whose writers put texts in quotation marks: such a text nearly always holds one of these."""
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\n?', re.IGNORECASE)
_LOOKED_AT_LINES, _LOOKED_AT_CHARACTERS = 1000, 1 << 18
_LINES_OF_A_SHAPE = 10


def read_lines(stream: BinaryIO, source: str, config: TableConfig) -> LineLookahead:
    """The lines of a file. A first line such as `sep=;` is taken already, see `delimiter_of`."""
    return LineLookahead(bounded_lines(open_text(stream, source, config.encoding), config.max_row_bytes))


def is_separator_line(line: str) -> bool:
    """Whether a first line tells Excel the delimiter, and is no row.

    >>> is_separator_line("sep=;"), is_separator_line("sep;text")
    (True, False)
    """
    return _SEPARATOR_LINE.fullmatch(line) is not None


def dialect_of(lines: LineLookahead, config: TableConfig, needed: Collection[str]) -> Dialect:
    """Recognizes the dialect of a file by its beginning. A first line such as `sep=;` is taken.

    Args:
        lines: Of the file, from its beginning.
        config: What it says is taken as it says it.
        needed: Columns that the header has to name.
    """
    delimiter = _delimiter_of(lines, config, needed)
    if config.quoting != "auto":
        return Dialect(delimiter, Quoting(config.quoting))
    if delimiter in _QUOTED_BY_CUSTOM:
        return Dialect(delimiter, Quoting.CSV)
    return Dialect(delimiter, _quoting_of(lines, config, delimiter))


def dialect_of_lines(stream: BinaryIO, source: str, config: TableConfig, needed: Collection[str]) -> Dialect | None:
    """The dialect of a file each of whose lines is a record, None where a record may have several lines.

    Reads on, where the beginning does not tell, up to the first line that does.
    """
    lines = read_lines(stream, source, config)
    dialect = dialect_of(lines, config, needed)
    if dialect.quoting is Quoting.CSV:
        return None
    width = _width(lines, config, dialect.delimiter)
    limit = config.max_row_bytes
    judged = _judged(lines, 0, limit, dialect.delimiter, width)
    if any(found is not None and found.reading is Reading.QUOTED for _, found in judged):
        return None
    while dialect.quoting is Quoting.UNKNOWN and (line := lines.peek()) != "":
        if line is not None and MARK in line:
            reading = judge(lines, 0, limit, dialect.delimiter, width).reading
            if reading is Reading.QUOTED:
                return None
            if reading is Reading.PLAIN:
                break
        lines.take()
    return Dialect(dialect.delimiter, Quoting.NONE)


def in_dialect(config: SourceConfig, dialect: Dialect) -> SourceConfig:
    """A source with a dialect written down in it that `dialect_of_lines` found."""
    return config.model_copy(update={"delimiter": dialect.delimiter, "quoting": dialect.quoting.value})


def _delimiter_of(lines: LineLookahead, config: TableConfig, needed: Collection[str]) -> str:
    named = _SEPARATOR_LINE.fullmatch(lines.peek() or "")
    if named:
        lines.take()
    if config.delimiter is not None:
        return config.delimiter
    if named:
        return named[1]
    usual = "," if config.format.endswith("csv") else "\t"
    candidates = [usual, *(each for each in _DELIMITERS if each != usual)]
    if config.columns is not None:
        width = len(config.columns)
        return max(candidates, key=lambda each: _first_widths(lines, config, each).count(width))
    firsts = {each: next(_records(lines, config, each), []) for each in candidates}
    fitting = [each for each in candidates if all(firsts[each].count(name) == 1 for name in needed)]
    if fitting or len(firsts[usual]) > 1:
        return fitting[0] if fitting else usual
    widths = {each: set(_first_widths(lines, config, each)) for each in candidates}
    shaped = [each for each in candidates if len(widths[each]) == 1 and widths[each] != {1}]
    return max(shaped, key=lambda each: len(firsts[each]), default=usual)


def _first_widths(lines: LineLookahead, config: TableConfig, delimiter: str) -> list[int]:
    return list(map(len, islice(_records(lines, config, delimiter), _LINES_OF_A_SHAPE)))


def _records(lines: LineLookahead, config: TableConfig, delimiter: str) -> Iterator[list[str]]:
    """The fields of the records to come, none of which is taken."""
    copy = LineLookahead(_peeked(lines))
    quoting = Quoting.NONE if config.quoting == "none" else Quoting.CSV
    if quoting is Quoting.CSV and delimiter not in _QUOTED_BY_CUSTOM and config.quoting == "auto":
        quoting = Quoting.CSV if _is_in_marks(lines, delimiter) else Quoting.NONE
    for record in split_records(copy, "", config.max_row_bytes, Dialect(delimiter, quoting)):
        if not isinstance(record, Refusal):
            yield record.values


def _peeked(lines: LineLookahead) -> Iterator[str | None]:
    place = characters = 0
    while (line := lines.peek(place)) != "" and place < _LOOKED_AT_LINES and characters < _LOOKED_AT_CHARACTERS:
        yield line
        place += 1
        characters += len(line or "")


def _is_in_marks(lines: LineLookahead, delimiter: str) -> bool:
    """Whether every field of the first line that is not blank is in quotation marks."""
    first = next((line for line in _peeked(lines) if line != "\n"), None) or ""
    fields = first.removesuffix("\n").split(delimiter)
    return all(len(field) > 1 and field.startswith(MARK) and field.endswith(MARK) for field in fields)


def _width(lines: LineLookahead, config: TableConfig, delimiter: str) -> int:
    if config.columns is not None:
        return len(config.columns)
    return len(next(_records(lines, config, delimiter), []))


def _quoting_of(lines: LineLookahead, config: TableConfig, delimiter: str) -> Quoting:
    if _is_in_marks(lines, delimiter):
        return Quoting.CSV
    width = _width(lines, config, delimiter)
    rows = list(_judged(lines, 0 if config.columns else 1, config.max_row_bytes, delimiter, width))
    readings = Counter(found.reading for _, found in rows if found is not None)
    plain = readings[Reading.PLAIN]
    if readings[Reading.QUOTED] > plain or (not plain and _is_a_column_in_marks(rows, delimiter)):
        return Quoting.CSV
    return Quoting.MOSTLY_NONE if plain else Quoting.UNKNOWN


def _is_a_column_in_marks(rows: Sequence[tuple[str, Judgement | None]], delimiter: str) -> bool:
    """Whether a column is in quotation marks in each of several rows."""
    in_marks = [
        {place for place, field in enumerate(line.split(delimiter)) if field.startswith(MARK)} for line, _ in rows
    ]
    return len(rows) > 1 and bool(set.intersection(*in_marks))


def _judged(
    lines: LineLookahead, first: int, limit: int, delimiter: str, width: int
) -> Iterator[tuple[str, Judgement | None]]:
    """First line of each record at a file's beginning that is not blank, and how it can be read if it holds a mark.

    Args:
        lines: Of the file.
        first: Records to leave out.
        limit: Characters of the longest record.
        delimiter: Between fields.
        width: Number of columns.
    """
    place = 0
    last = sum(1 for _ in _peeked(lines))
    while place < last:
        line = lines.peek(place)
        found = judge(lines, place, limit, delimiter, width) if line and MARK in line else None
        if line and line != "\n":
            if first <= 0:
                yield line, found
            first -= 1
        place += found.lines if found is not None and found.reading is Reading.QUOTED else 1
