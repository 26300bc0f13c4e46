"""Reads lines of bounded length from a byte stream, keeping undecodable bytes recognisable."""

import io
from collections.abc import Iterator
from typing import BinaryIO

UNDECODABLE = tuple(chr(code) for code in range(0xDC80, 0xDD00))
"""What `surrogateescape` turns undecodable bytes into."""

_SHOWN = 200


def open_text(stream: BinaryIO, encoding: str) -> io.TextIOWrapper:
    """Decodes a byte stream. A byte order mark is dropped; undecodable bytes become lone surrogates.

    Line ends are kept as they are, so that a quoted field may hold a line break.
    """
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
        encoding = "utf-8-sig"
    return io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline="")


def bounded_lines(text: io.TextIOBase, limit: int) -> Iterator[str | None]:
    """Yields each line with its line end, or None in place of a line of more than `limit` characters.

    Memory stays within `limit`, whatever the stream holds.
    """
    while line := text.readline(limit + 2):
        if len(line.rstrip("\r\n")) <= limit:
            yield line
            continue
        while line and not line.endswith(("\n", "\r")):
            line = text.readline(limit)
        yield None


def is_decoded(text: str) -> bool:
    r"""Whether a text came out of `open_text` without undecodable bytes.

    >>> is_decoded("caf\xe9"), is_decoded("caf\udce9")
    (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def excerpt(text: str) -> str:
    r"""The beginning of a row as text that can be written anywhere.

    >>> excerpt("caf\udce9")
    'caf\\udce9'
    """
    return text[:_SHOWN].encode("utf-8", "backslashreplace").decode()
