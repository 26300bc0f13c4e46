"""Guesses the encoding of a file that is not in the one it should be in, from its lines that are not UTF-8."""

import codecs
import re
from collections.abc import Iterable

_CANDIDATES = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874"),
    *("iso8859_2", "koi8_r", "cp866", "cp852", "mac_roman", "mac_cyrillic"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949"),
)
"""Encodings that files are in. latin-1 is none: its characters are cp1252's, but for control characters."""
_MOST = 1 << 16
_SHOWN = 4
_MOST_NAMED = 3
_AS_GOOD = 0.02
_FEWEST = 512
_CONTROLS = re.compile("[\x80-\x9f]")
_NOT_ASCII = re.compile(r"\w*(?:[^\x00-\x7f]+\w*)+")


def is_latin_1(encoding: str) -> bool:
    """Whether an encoding is ISO 8859-1, whatever it is called.

    >>> is_latin_1("latin-1"), is_latin_1("ISO-8859-1"), is_latin_1("cp1252")
    (True, True, False)
    """
    return codecs.lookup(encoding).name == "iso8859-1"


def has_control_characters(text: str) -> bool:
    r"""Whether a text holds characters that no text has, and that latin-1 makes of cp1252's quotation marks and dashes.

    >>> has_control_characters("don\x92t"), has_control_characters("na\xefve")
    (True, False)
    """
    return not text.isascii() and _CONTROLS.search(text) is not None


def likely_encodings(lines: Iterable[bytes]) -> dict[str, str]:
    r"""Encodings that lines may be in, told by those that are not UTF-8, each with some words as it reads them.

    Those that read the text equally well are all named, cp1252 before others.

    >>> likely_encodings([b"text,label", b"the caf\xe9 said \x84gr\xfc\xdf Gott\x93 and went for \x80 5"])
    {'cp1252': 'café, „grüß, Gott“, €'}
    """
    sample = _not_utf8(lines)
    if not sample:
        return {}
    from charset_normalizer import from_bytes

    long_enough = sample * -(-_FEWEST // len(sample))  # of a few bytes little can be told, and they tell no more twice
    found = list(from_bytes(long_enough, cp_isolation=list(_CANDIDATES), threshold=1.0, enable_fallback=False))
    alike = [each for each in found if each.chaos <= found[0].chaos + _AS_GOOD and each.coherence > 0]
    names = list(dict.fromkeys(name for each in alike or found[:1] for name in each.could_be_from_charset))
    readings: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (name != "cp1252", _CANDIDATES.index(name))):
        text = sample.decode(name, "replace")
        if text not in readings:
            readings[text] = name
    return {name: ", ".join(_words(text)) for text, name in list(readings.items())[:_MOST_NAMED]}


def encoding_hint(lines: Iterable[bytes]) -> str:
    """What to set as `encoding` where a file is not UTF-8, as a sentence; "" where nothing fits."""
    likely = likely_encodings(lines)
    shown = " or ".join(f"{name} ({words})" for name, words in likely.items())
    which = "the one whose words are right" if len(likely) > 1 else f"{next(iter(likely), '')} if these words are right"
    return f" The file looks like {shown}: set data.encoding to {which}." if likely else ""


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(_NOT_ASCII.findall(text)))[:_SHOWN]


def _not_utf8(lines: Iterable[bytes]) -> bytes:
    kept: list[bytes] = []
    size = 0
    for line in lines:
        try:
            line.decode()
        except UnicodeDecodeError:
            kept.append(line.rstrip(b"\r\n"))
            size += len(line)
            if size > _MOST:
                break
    return b"\n".join(kept)
