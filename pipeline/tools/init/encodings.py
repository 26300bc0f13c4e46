"""Tells the encoding of a file from its bytes."""

import codecs
from typing import NamedTuple

from ulmfit_tfx.components.corpus_ingest.source_files import open_file
from ulmfit_tfx.transforms.records.encodings import likely_encodings

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""The longer ones first: one of them begins with a shorter one."""
_LOOKED_AT = 1 << 20
_READ_AT_ONCE = 1 << 20


class Encoding(NamedTuple):
    """The encoding of a file.

    Attributes:
        name: As Python knows it.
        is_certain: Whether the bytes leave no doubt.
    """

    name: str
    is_certain: bool


def encoding_of(file: str) -> Encoding:
    """Tells a file's encoding: by its byte order mark, else UTF-8 where all of it is, else by what is likely.

    Args:
        file: Local or remote, compressed or not.
    """
    with open_file(file) as stream:
        start = stream.read(4)
        if name := next((name for mark, name in _MARKS.items() if start.startswith(mark)), None):
            return Encoding(name, True)
        decoder = codecs.getincrementaldecoder("utf-8")()
        foreign = bytearray()
        content = start
        while content:
            try:
                decoder.decode(content)
            except UnicodeDecodeError:
                foreign += _lines_that_are_not_utf8(content)
                decoder.reset()
            if len(foreign) > _LOOKED_AT:
                break
            content = stream.read(_READ_AT_ONCE)
    return likely_encoding(bytes(foreign)) if foreign else Encoding("utf-8", True)


def likely_encoding(content: bytes) -> Encoding:
    r"""What an encoding that is not UTF-8 most likely is: the first of `likely_encodings`.

    >>> [likely_encoding(text.encode(name)).name for text, name in (
    ...     ("Grüße, “quoted” café", "cp1252"), ("Proszę o załącznik, łódź", "cp1250"), ("Привет, мир", "cp1251"))]
    ['cp1252', 'cp1250', 'cp1251']
    """
    return Encoding(next(iter(likely_encodings(content.split(b"\n"))), "cp1252").replace("_", "-"), False)


def _lines_that_are_not_utf8(content: bytes) -> bytes:
    """They tell more than all: of mostly English text the other lines fit any encoding."""
    lines = [line for line in content.split(b"\n") if not line.isascii()]
    return b"\n".join(lines)[:_LOOKED_AT] + b"\n"
