"""Damages documents as files get damaged, and worse: bytes, lines, encodings, line ends, and signs of the format."""

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

LARGEST = 200_000
"""Bytes that a document does not grow beyond."""

_LONGEST_COPIED = 8_000
"""Bytes that an operator makes of copies of rows: more of them take long, and are not worse."""
_OPERATORS_APPLIED = {1: 40, 2: 25, 3: 15, 5: 12, 8: 8}
"""How many, with weights: what is damaged too much is refused at once."""
_NESTED = (b"[", b"{", b'{"a":', b"(", b"<", b"{{", b"[[", b"<div ", b"<b>", b"'''", b'"', b"<!--", b"{|", b"<ref>")
_CONTROL = [bytes([code]) for code in (*range(32), 127)]
_INVISIBLE = [chr(code).encode() for code in (0x85, 0xA0, 0xAD, 0x200B, 0x2028, 0x2029, 0x3000, 0xFDD0, 0xFEFF, 0xFFFD)]
_NOT_UTF8 = (b"\x80", b"\xc3", b"\xff", b"\xc0\x80", b"\xe2\x82", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"\xf4\x90\x80\x80")
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b"\0\0\xfe\xff")
_ODD = (*_CONTROL, *_INVISIBLE, *_NOT_UTF8, *_BYTE_ORDER_MARKS, b"\0" * 8, "é".encode("latin-1"), "e\u0301😀".encode())
_LINE_ENDS = (b"\r\n", b"\r", b"\n\r", b"\n\n", b"\x0b", b"\x0c", "\x85".encode(), "\u2028".encode(), b"")


class Material(NamedTuple):
    """What a document is mutated with.

    Attributes:
        documents: Others of its format.
        tokens: What means something in the format.
    """

    documents: Sequence[bytes]
    tokens: Sequence[bytes]


def mutated(document: bytes, material: Material, chance: random.Random) -> bytes:
    """Applies some operators, one after the other.

    Args:
        document: Any bytes.
        material: What is put in.
        chance: Chooses the operators, and where they work.

    Returns:
        At most `LARGEST` bytes.
    """
    [count] = chance.choices(list(_OPERATORS_APPLIED), list(_OPERATORS_APPLIED.values()))
    for operator in chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=count):
        document = operator(document, material, chance)[:LARGEST]
    return document


def damaged(stored: bytes, chance: random.Random) -> bytes:
    """Damages a compressed file, or lets it go on after its end."""
    operator = chance.choice((_truncate, _flip_bit, _flip_bit, _overwrite, _insert_bytes, _delete, _append))
    return operator(stored, Material([], []), chance)


def _size(most: int, chance: random.Random) -> int:
    """From 1 to `most`, most often small."""
    return int(max(most, 1) ** chance.random())


def _place(document: bytes, chance: random.Random) -> tuple[int, int]:
    """Beginning and end of a slice, most often a short one."""
    start = chance.randint(0, len(document))
    return start, min(start + _size(len(document), chance), len(document))


def _inserted(document: bytes, new: bytes, chance: random.Random) -> bytes:
    place = chance.randint(0, len(document))
    return document[:place] + new + document[place:]


def _flip_bit(document: bytes, material: Material, chance: random.Random) -> bytes:
    if not document:
        return document
    place = chance.randrange(len(document))
    return document[:place] + bytes([document[place] ^ 1 << chance.randrange(8)]) + document[place + 1 :]


def _insert_bytes(document: bytes, material: Material, chance: random.Random) -> bytes:
    return _inserted(document, chance.randbytes(_size(100, chance)), chance)


def _overwrite(document: bytes, material: Material, chance: random.Random) -> bytes:
    start, end = _place(document, chance)
    return document[:start] + chance.randbytes(end - start) + document[end:]


def _append(document: bytes, material: Material, chance: random.Random) -> bytes:
    return document + chance.choice((document, document[: len(document) // 2], b"\0" * 100, chance.randbytes(20)))


def _delete(document: bytes, material: Material, chance: random.Random) -> bytes:
    start, end = _place(document, chance)
    return document[:start] + document[end:]


def _duplicate(document: bytes, material: Material, chance: random.Random) -> bytes:
    start, end = _place(document, chance)
    times = _size(_LONGEST_COPIED // max(end - start, 1), chance)
    return document[:end] + document[start:end] * times + document[end:]


def _splice(document: bytes, material: Material, chance: random.Random) -> bytes:
    other = chance.choice(material.documents)
    return document[: chance.randint(0, len(document))] + other[chance.randint(0, len(other)) :]


def _swap_lines(document: bytes, material: Material, chance: random.Random) -> bytes:
    lines = document.splitlines(keepends=True)
    if len(lines) > 1:
        one, other = chance.sample(range(len(lines)), 2)
        lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def _drop_line(document: bytes, material: Material, chance: random.Random) -> bytes:
    lines = document.splitlines(keepends=True)
    if lines:
        del lines[chance.randrange(len(lines))]
    return b"".join(lines)


def _insert_token(document: bytes, material: Material, chance: random.Random) -> bytes:
    return _inserted(document, chance.choice(material.tokens), chance)


def _replace_token(document: bytes, material: Material, chance: random.Random) -> bytes:
    """Puts one token in the place of another one, everywhere or once."""
    old, new = chance.choice(material.tokens), chance.choice(material.tokens)
    return document.replace(old, new, chance.choice((1, -1)))


def _repeat_token(document: bytes, material: Material, chance: random.Random) -> bytes:
    token = chance.choice(material.tokens)
    most = _LONGEST_COPIED if b"\n" in token else LARGEST
    return _inserted(document, token * _size(most // max(len(token), 1), chance), chance)


def _nest(document: bytes, material: Material, chance: random.Random) -> bytes:
    """Opens many brackets, around the depth that Python's own recursion ends at, or any."""
    depth = chance.randint(900, 1100) if chance.random() < 0.5 else _size(20_000, chance)
    opening = chance.choice(_NESTED)
    closing = {b"[": b"]", b"{": b"}", b'{"a":': b"}", b"{{": b"}}", b"[[": b"]]", b"<b>": b"</b>"}.get(opening, b"")
    return _inserted(document, opening * depth + b"1" + closing * chance.choice((0, depth)), chance)


def _insert_odd(document: bytes, material: Material, chance: random.Random) -> bytes:
    return _inserted(document, chance.choice(_ODD), chance)


def _begin_with_mark(document: bytes, material: Material, chance: random.Random) -> bytes:
    return chance.choice(_BYTE_ORDER_MARKS) + document


def _insert_run(document: bytes, material: Material, chance: random.Random) -> bytes:
    sign = chance.choice((b"a", b" ", b"\n", b"\t", b"0", b'"', b",", b"\\", "ż".encode(), b"\xff", b"\0", b"\r", b"'"))
    return _inserted(document, sign * _size(LARGEST // len(sign), chance), chance)


def _truncate(document: bytes, material: Material, chance: random.Random) -> bytes:
    return document[: chance.randint(0, len(document))]


def _change_line_ends(document: bytes, material: Material, chance: random.Random) -> bytes:
    return document.replace(b"\n", chance.choice(_LINE_ENDS), chance.choice((1, -1, -1)))


Operator = Callable[[bytes, Material, random.Random], bytes]
_WEIGHTS: dict[Operator, int] = {
    _flip_bit: 4,
    _insert_bytes: 2,
    _overwrite: 2,
    _delete: 4,
    _duplicate: 3,
    _splice: 3,
    _swap_lines: 3,
    _drop_line: 2,
    _insert_token: 8,
    _replace_token: 4,
    _repeat_token: 1,
    _nest: 1,
    _insert_odd: 5,
    _begin_with_mark: 1,
    _insert_run: 1,
    _truncate: 1,
    _change_line_ends: 2,
}
