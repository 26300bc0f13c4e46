"""Guesses the encoding of a file that is not in the one it should be in, from its lines that are not UTF-8."""

import codecs
import itertools
import re
import unicodedata
from collections.abc import Iterable

_CANDIDATES = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874"),
    *("iso8859_2", "koi8_r", "cp866", "cp852", "mac_roman", "mac_cyrillic"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949"),
)
"""Encodings that files are in. latin-1 is none: its characters are cp1252's, but for control characters."""
_USUAL = ("cp1252", "cp1250", "cp1251", "koi8_r", "cp1253")
"""Those of a byte a character that most files are in: of few words, statistics tell little."""
_SEVERAL_BYTES = ("cp932", "euc_jp", "gb18030", "big5", "cp949")
_WORD = re.compile(r"\S+")
_WITHIN_WORDS = ("Pc", "Pd", "Pf", "Pi", "Ps", "Pe", "Sc", "Cf", "Zs")
"""Categories of signs that stand between letters: dashes, apostrophes, quotation marks, spaces that do not break."""
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

    Those that read the text equally well are all named, the most common one first: as well by letters that are usual in
    a language, and with as few words that hold signs or capitals in their middle, or letters of two scripts.

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
    names = [name for each in alike or found[:1] for name in each.could_be_from_charset]
    texts = {name: sample.decode(name, "replace") for name in dict.fromkeys((*names, *_USUAL))}
    # Words of several bytes a letter are always of several scripts: an alphabet without strange words goes before.
    strange = {name: 0.5 if name in _SEVERAL_BYTES else implausible_words(text) for name, text in texts.items()}
    readings: dict[str, str] = {}
    for name in sorted(texts, key=_CANDIDATES.index):
        if strange[name] == min(strange.values()):
            readings.setdefault(texts[name], name)
    return {name: ", ".join(_words(text)) for text, name in list(readings.items())[:_MOST_NAMED]}


def implausible_words(text: str) -> int:
    """Words that a wrong encoding makes: with signs or capitals in the middle, or in two scripts.

    >>> implausible_words("za\u00b3\u00b9cznik na\u00efve"), implausible_words("\u00cf\u00f0\u00e8\u00e2\u00e5\u00f2")
    (1, 1)
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
