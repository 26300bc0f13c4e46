r"""Cuts files of lines into ranges of bytes that can be parsed apart.

A range begins at 0 or right after a byte `\n`, and ends where the next one begins. The first one has to hold the
header, if there is one. Parsed after `lines_before_range`, a range gives the rows that the whole file gives there. To
the line numbers of its refusals the `count_line_ends` of all that is before the range has to be added, and the number
of `lines_before_range` to be taken away.
"""

import codecs
import io
from itertools import count
from typing import BinaryIO

from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.table import TableConfig
from ulmfit_tfx.schemas.config.sources.texts import PlainTextConfig
from ulmfit_tfx.transforms.records.dialects import is_separator_line
from ulmfit_tfx.transforms.records.formats import has_header

_CHUNK = 1 << 20
_ENCODINGS = ("utf-8", "ascii", "iso8859-", "cp125", "koi8-")
r"""What the names of those encodings begin with in which the bytes `\n` and `\r` stand for nothing but themselves."""


def is_splittable(config: SourceConfig) -> bool:
    """Whether a file of this source, if it is not compressed, may be one that can be cut into ranges.

    Of delimited text the file decides, see `dialects.dialect_of_lines`.

    >>> is_splittable(PlainTextConfig(path="a.txt", format="text", encoding="latin-1"))
    True
    >>> is_splittable(PlainTextConfig(path="a.txt", format="text", encoding="utf-16"))
    False
    """
    is_of_lines = config.format in ("tsv", "jsonl", "fasttext", "labelled_lines") or (
        isinstance(config, PlainTextConfig) and config.text_unit == "line"
    )
    if isinstance(config, TableConfig) and config.quoting == "csv":
        return False
    name = codecs.lookup(config.encoding).name
    return is_of_lines and (name.startswith(_ENCODINGS) and not name.endswith("-sig"))


def align(stream: BinaryIO, offset: int) -> int:
    r"""Where the first range begins that begins at `offset` or later: there, or after the next `\n`, or at the end.

    >>> [align(io.BytesIO(b"a\nbc\nd"), offset) for offset in range(7)]
    [0, 2, 2, 5, 5, 5, 6]
    """
    if offset == 0:
        return 0
    stream.seek(offset - 1)
    for start in count(offset - 1, _CHUNK):
        chunk = stream.read(_CHUNK)
        if (place := chunk.find(b"\n")) >= 0:
            return start + place + 1
        if len(chunk) < _CHUNK:
            return start + len(chunk)
    raise AssertionError("unreachable")


def count_line_ends(stream: BinaryIO, start: int, stop: int) -> int:
    r"""How many lines end in a part of a file: with `\n`, `\r\n` or `\r`, as parsers count them.

    Of a `\r\n` that is cut in two, the line ends with the `\n`.

    >>> count_line_ends(io.BytesIO(b"a\nb\r\nc\rd"), 0, 8), count_line_ends(io.BytesIO(b"a\r\n"), 0, 2)
    (3, 0)
    """
    stream.seek(start)
    ends = 0
    before = b""
    while left := max(stop - start, 0):
        chunk = stream.read(min(_CHUNK, left))
        if not chunk:
            break
        start += len(chunk)
        ends += chunk.count(b"\n")
        if returns := chunk.count(b"\r"):
            ends += returns - chunk.count(b"\r\n")
        ends -= before == b"\r" and chunk.startswith(b"\n")
        before = chunk[-1:]
    return ends - (before == b"\r" and stream.read(1) == b"\n")


def range_stream(stream: BinaryIO, start: int, stop: int) -> BinaryIO:
    """The bytes of a range as a stream.

    Args:
        stream: The file, which stays open. It is not to be read elsewhere until the range has been.
        start: First byte.
        stop: The byte after the last one.
    """
    stream.seek(start)
    return io.BufferedReader(_Range(stream, stop - start))


def lines_before_range(stream: BinaryIO, config: SourceConfig) -> list[bytes]:
    r"""Lines, each with `\n`, to put before a range that does not begin at 0, for it to be parsed as a file.

    With a header these are the file's lines up to and with the header. Without one it is an empty line, which is no
    row: what looks like a byte order mark at the beginning of the range is then a part of its first row.

    Args:
        stream: The file.
        config: A source that `is_splittable`.
    """
    if not has_header(config):
        return [b"\n"]
    lines: list[bytes] = []
    stream.seek(0)
    longest = 4 * config.max_row_bytes + 2  # bytes of that many characters and a line end
    while piece := stream.readline(longest):
        for line in piece.splitlines():
            lines.append(line + b"\n")
            line = line.removeprefix(b"" if len(lines) > 1 else codecs.BOM_UTF8)
            if line and not (len(lines) == 1 and is_separator_line(line.decode(config.encoding, "replace"))):
                return lines
    return lines


class _Range(io.RawIOBase):
    def __init__(self, stream: BinaryIO, size: int):
        self.stream = stream
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self.stream.read(min(len(buffer), self.left))
        self.left -= len(data)
        buffer[: len(data)] = data
        return len(data)
