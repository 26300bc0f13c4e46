"""Cuts a JSON text into the objects that are its rows, in memory that does not depend on how many there are."""

import io
import re
from collections.abc import Iterator
from typing import NoReturn

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.lines import excerpt

_READ_AT_ONCE = 1 << 16
_BRACKET_OR_QUOTE = re.compile(r'[\[\]{}"]')
_QUOTE_OR_ESCAPE = re.compile(r'["\\]')
_SPACE = re.compile(r"\s*")
_SINGLE_VALUE = re.compile(r'[^\s,:\[\]{}"]*')
_LIST_OF_OBJECTS = re.compile(r"\[\s*\{")


def read_values(text: io.TextIOBase, source: str, limit: int) -> Iterator[tuple[int, str | None]]:
    r"""Reads the rows of a file: the items of a list, those of the one list of objects in an object, or objects.

    >>> list(read_values(io.StringIO('[\n{"a": 1},\n{"a": 2}]'), "rows.json", 99))
    [(2, '{"a": 1}'), (3, '{"a": 2}')]
    >>> list(read_values(io.StringIO('{"version": 1, "data": [{"a": 1}]}'), "rows.json", 99))
    [(1, '{"a": 1}')]
    >>> list(read_values(io.StringIO('{\n"a": 1\n}\n{\n"a": 2\n}'), "rows.json", 99))
    [(1, '{\n"a": 1\n}'), (4, '{\n"a": 2\n}')]

    Args:
        text: The file's.
        source: Its name, for errors.
        limit: Characters of a row.

    Yields:
        Line that each begins on, and what it is; None in place of one of more than `limit` characters.

    Raises:
        DataError: It is something else, or ends too early.
    """
    cursor = _Cursor(text, source, limit)
    first = cursor.next_character()
    if first == "[":
        yield from cursor.items()
    elif first == "{" and cursor.is_object_of_rows():
        yield from cursor.items_of_the_list()
    elif first == "{":
        while cursor.next_character() == "{":
            yield cursor.line, cursor.value()
    elif first:
        cursor.fail("a list of objects")
    if cursor.next_character():
        cursor.fail("the end of the file")


class _Cursor:
    """A place in a JSON text."""

    def __init__(self, text: io.TextIOBase, source: str, limit: int):
        self._text = text
        self._source = source
        self._limit = limit
        self._buffer = text.read(_READ_AT_ONCE).removeprefix("\ufeff")
        self._at = 0
        self.line = 1

    def next_character(self) -> str:
        """The next one that is no white space, which stays; nothing at the end."""
        while True:
            match = _SPACE.match(self._buffer, self._at)
            assert match is not None
            self._pass(match.end())
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._read_on():
                return ""

    def is_object_of_rows(self) -> bool:
        """Whether the object that begins here is no row: it has a list of objects and stands alone, or is too large."""
        while len(self._buffer) - self._at <= self._limit and self._read_on():
            pass
        ahead = _Cursor(io.StringIO(self._buffer[self._at :]), self._source, self._limit)
        try:
            row = ahead.value()
            inside = _Cursor(io.StringIO(row or ""), self._source, self._limit)
            return row is None or (ahead.next_character() != "{" and any(is_list for _, is_list in inside._members()))
        except DataError:
            return True

    def items(self) -> Iterator[tuple[int, str | None]]:
        """The items of the list that begins here."""
        self._expect("[")
        if self.next_character() == "]":
            self._expect("]")
            return
        while True:
            self.next_character()
            yield self.line, self.value()
            if self.next_character() != ",":
                break
            self._expect(",")
        self._expect("]")

    def items_of_the_list(self) -> Iterator[tuple[int, str | None]]:
        """The items of the list of objects in the object that begins here.

        Raises:
            DataError: There are several such lists, or none.
        """
        names: list[str] = []
        for name, is_list in self._members(skip_lists=False):
            if not is_list:
                continue
            names.append(name)
            if len(names) > 1:
                raise DataError(
                    f"{self._source}:{self.line}: {' and '.join(names)} are lists of objects. Which one has the rows? "
                    "Write it to a file of its own."
                )
            yield from self.items()
        if not names:
            raise DataError(
                f"{self._source}:1: is one JSON object in which no field is a list of objects, expected a list of "
                "objects, or an object a row."
            )

    def _members(self, skip_lists: bool = True) -> Iterator[tuple[str, bool]]:
        """Names of the fields of the object that begins here, and whether each is a list of objects."""
        self._expect("{")
        if self.next_character() == "}":
            self._expect("}")
            return
        while True:
            if self.next_character() != '"':
                self.fail("a name in quotation marks")
            name = self.value() or ""
            self.next_character()
            self._expect(":")
            is_list = self.next_character() == "[" and self._is_list_of_objects()
            yield name, is_list
            if not is_list or skip_lists:
                self.value()
            if self.next_character() != ",":
                break
            self._expect(",")
        self._expect("}")

    def _is_list_of_objects(self) -> bool:
        while not self._buffer[self._at + 1 :].strip() and self._read_on():
            pass
        return _LIST_OF_OBJECTS.match(self._buffer, self._at) is not None

    def value(self) -> str | None:
        """The value that begins here, and goes by it. None: it has more characters than a row may have.

        Raises:
            DataError: The file ends within it.
        """
        if self.next_character() not in ("[", "{", '"'):
            return self._single_value()
        pieces: list[str] = []
        size = depth = 0
        is_quoted = False
        while True:
            match = (_QUOTE_OR_ESCAPE if is_quoted else _BRACKET_OR_QUOTE).search(self._buffer, self._at)
            end = match.end() if match else len(self._buffer)
            if match and match[0] == "\\":
                if end == len(self._buffer) and self._read_on():
                    continue
                end += 1  # with what is escaped
            size += end - self._at
            if size <= self._limit:
                pieces.append(self._buffer[self._at : end])
            else:
                pieces.clear()
            self._pass(end)
            if match and match[0] == '"':
                is_quoted = not is_quoted
            elif match and not is_quoted:
                depth += 1 if match[0] in "[{" else -1
            if match and not is_quoted and depth <= 0 and match[0] in '"]}':
                return "".join(pieces) if size <= self._limit else None
            if self._at >= len(self._buffer) and not self._read_on():
                self.fail("the end of what begins before")

    def _single_value(self) -> str | None:
        pieces: list[str] = []
        size = 0
        while True:
            match = _SINGLE_VALUE.match(self._buffer, self._at)
            assert match is not None
            size += len(match[0])
            if size <= self._limit:
                pieces.append(match[0])
            self._pass(match.end())
            if self._at < len(self._buffer) or not self._read_on():
                break
        if not size:
            self.fail("a value")
        return "".join(pieces) if size <= self._limit else None

    def _expect(self, character: str) -> None:
        if self.next_character() != character:
            self.fail(f"'{character}'" if character not in "]}" else f"',' or '{character}'")
        self._pass(self._at + 1)

    def fail(self, expected: str) -> NoReturn:
        """Raises the error that something else stands here."""
        found = self._buffer[self._at : self._at + 20].partition("\n")[0]
        got = f"got '{excerpt(found)}'" if found else "the file ends"
        raise DataError(f"{self._source}:{self.line}: malformed JSON: {got}, expected {expected}.")

    def _pass(self, end: int) -> None:
        self.line += self._buffer.count("\n", self._at, end)
        self._at = end

    def _read_on(self) -> bool:
        """Reads more, and lets go of what was passed. Whether there was more."""
        more = self._text.read(_READ_AT_ONCE)
        self._buffer = self._buffer[self._at :] + more
        self._at = 0
        return bool(more)
