"""Reads lines of bounded length from a byte stream, keeping undecodable bytes recognisable."""

import io
from collections.abc import Iterator
from typing import BinaryIO

_SHOWN = 200


def open_text(stream: BinaryIO, encoding: str) -> io.TextIOWrapper:
    r"""Decodes a byte stream. Undecodable bytes become lone surrogates; every line ends with `\n`.

    A multi-byte encoding other than UTF-8 raises `UnicodeError` at what it cannot decode.
    """
    return io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline=None)


def bounded_lines(text: io.TextIOBase, limit: int) -> Iterator[str | None]:
    """Yields each line with its line end, or None in place of a line of more than `limit` characters.

    A byte order mark is dropped. Memory stays within `limit`, whatever the stream holds.
    """
    is_first = True
    while line := text.readline(limit + 1):
        if is_first:
            line, is_first = line.removeprefix("\ufeff"), False
        if len(line.removesuffix("\n")) <= limit:
            yield line
            continue
        while line and not line.endswith("\n"):
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
