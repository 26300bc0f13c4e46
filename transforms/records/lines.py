"""Reads lines of bounded length from a byte stream, keeping undecodable bytes recognisable."""

import codecs
import io
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from ulmfit_tfx.schemas.errors import DataError

LONE_SURROGATES = "ulmfit_tfx.lone_surrogates"
"""Error handler that stands lone surrogates for undecodable bytes. In any encoding, unlike `surrogateescape`."""

_SHOWN = 200
_READ_AT_ONCE = 1 << 16
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""The longer ones first: one of them begins with a shorter one."""


class _Lent(io.RawIOBase):
    """Reads a stream of somebody else's: unlike the stream itself, it may be left behind or closed without effect."""

    def __init__(self, stream: BinaryIO):
        super().__init__()
        self._stream = cast(io.RawIOBase, stream)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        return self._stream.readinto(buffer)


def open_text(stream: BinaryIO, source: str, encoding: str) -> io.TextIOWrapper:
    r"""Decodes a byte stream. Every line ends with `\n`, undecodable bytes become lone surrogates.

    Undecodable bytes take no more than their line along, with two exceptions that lie in the encodings: a byte too many
    or too few in UTF-16 or UTF-32 shifts all that follow, and in an encoding with shift states (ISO-2022, HZ, UTF-7)
    what follows may be read in the wrong one, or `UnicodeError` be raised.

    Args:
        stream: Stays open; whoever opened it closes it.
        source: The file's name, for errors.
        encoding: Any name that Python knows.

    Raises:
        DataError: The file should be UTF-8, and begins with the byte order mark of another encoding.
    """
    buffered = io.BufferedReader(_Lent(stream), _READ_AT_ONCE)
    errors = LONE_SURROGATES
    if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii"):
        errors = "surrogateescape"  # does the same there, without a call for each of the bytes
        start = buffered.peek(4)
        if found := next((name for mark, name in _BYTE_ORDER_MARKS.items() if start.startswith(mark)), None):
            raise DataError(
                f"{source}: is not {encoding}: it begins with the byte order mark of {found.upper()}. Set the source's "
                f"encoding to {found}."
            )
    return io.TextIOWrapper(buffered, encoding=encoding, errors=errors, newline=None)


def _lone_surrogates(error: UnicodeError) -> tuple[str, int]:
    """What stands for undecodable bytes, and where decoding goes on."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(LONE_SURROGATES, _lone_surrogates)


def bounded_lines(text: io.TextIOBase, limit: int) -> Iterator[str | None]:
    """Yields each line with its line end, or None in place of a line of more than `limit` characters.

    A byte order mark is dropped. Memory stays within `limit`, whatever the stream holds.
    """
    is_first = True
    while line := text.readline(limit + 1):
        if is_first and line.startswith("\ufeff"):
            line = line[1:]
            line += "" if line.endswith("\n") else text.readline(1)  # the one that the mark stood for
        is_first = False
        if len(line) <= limit or len(line.removesuffix("\n")) <= limit:
            yield line
            continue
        while line and not line.endswith("\n"):
            line = text.readline(limit)
        yield None


def is_decoded(text: str) -> bool:
    r"""Whether a text is without lone surrogates, which stand for undecodable bytes.

    >>> is_decoded("caf\xe9"), is_decoded("caf\udce9")
    (True, False)
    """
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_longer(text: str, limit: int) -> bool:
    r"""Whether a text has more than `limit` bytes in UTF-8.

    >>> is_longer("caf\xe9", 4), is_longer("cafe", 4)
    (True, False)
    """
    return 4 * len(text) > limit and len(text.encode("utf-8", "surrogatepass")) > limit


def escaped(text: str) -> str:
    r"""A row as text that can be written anywhere: undecodable bytes as backslash escapes.

    >>> escaped("caf\udce9")
    'caf\\udce9'
    """
    return text.encode("utf-8", "backslashreplace").decode()


def excerpt(text: str) -> str:
    """The beginning of a text, `escaped`, for messages."""
    return escaped(text[:_SHOWN])
