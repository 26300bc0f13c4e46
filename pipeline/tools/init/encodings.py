"""Tells the encoding of a file from its bytes."""

import codecs
import itertools
import re
import unicodedata
from typing import NamedTuple

import charset_normalizer

from ulmfit_tfx.components.corpus_ingest.source_files import open_file

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""The longer ones first: one of them begins with a shorter one."""
_ONE_BYTE = ("cp1252", "cp1250", "cp1251", "koi8_r", "cp1253")
"""Encodings of a byte a character that files have, the most common first."""
_SEVERAL_BYTES = ("cp932", "euc_jp", "gb18030", "big5", "cp949")
_LOOKED_AT = 1 << 20
_READ_AT_ONCE = 1 << 20
_WORD = re.compile(r"\S+")
_WITHIN_WORDS = ("Pc", "Pd", "Pf", "Pi", "Ps", "Pe", "Sc", "Cf", "Zs")
"""Categories of signs that stand between letters: dashes, apostrophes, quotation marks, spaces that do not break."""


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
    r"""What an encoding that is not UTF-8 most likely is.

    Of those in which the words are equally plausible it is the most common one.

    >>> [likely_encoding(text.encode(name)).name for text, name in (
    ...     ("Grüße, “quoted” café", "cp1252"), ("Proszę o załącznik, łódź", "cp1250"), ("Привет, мир", "cp1251"))]
    ['cp1252', 'cp1250', 'cp1251']
    """
    found = charset_normalizer.from_bytes(content, cp_isolation=[*_ONE_BYTE, *_SEVERAL_BYTES]).best()
    if found is not None and found.encoding in _SEVERAL_BYTES:
        return Encoding(found.encoding.replace("_", "-"), False)
    least = min(_ONE_BYTE, key=lambda name: implausible_words(content.decode(name, "replace")))
    return Encoding(least.replace("_", "-"), False)


def implausible_words(text: str) -> int:
    """Words that a wrong encoding makes: with signs or capitals in the middle, or in two scripts.

    >>> implausible_words("za³¹cznik naïve"), implausible_words("Ïðèâåò"), implausible_words("Привет")
    (1, 1, 0)
    """
    return sum(map(_is_implausible, _WORD.findall(text)))


def _is_implausible(word: str) -> bool:
    letters = [place for place, letter in enumerate(word) if letter.isalpha()]
    inner = word[letters[0] : letters[-1] + 1] if letters else ""
    if inner.isascii():
        return False
    signs = [sign for sign in inner if not sign.isascii() and not sign.isalpha()]
    if any(unicodedata.category(sign) not in _WITHIN_WORDS for sign in signs):
        return True
    scripts = {_script(letter) for letter in inner if letter.isalpha()}
    is_all_accents = scripts == {"LATIN"} and len(inner) > 3 and not any(letter.isascii() for letter in inner)
    is_mixed = any(before.islower() and after.isupper() for before, after in itertools.pairwise(inner))
    return len(scripts) > 1 or is_all_accents or is_mixed


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


def _lines_that_are_not_utf8(content: bytes) -> bytes:
    """They tell more than all: of mostly English text the other lines fit any encoding."""
    lines = [line for line in content.split(b"\n") if not line.isascii()]
    return b"\n".join(lines)[:_LOOKED_AT] + b"\n"
