"""Lines of a text by number, of which those to come can be looked at."""

from collections import deque
from collections.abc import Iterator, Sequence


class LineLookahead:
    r"""Takes lines one after the other, and looks at later ones without taking them.

    A line is text with its line end, None in place of one that is too long, and "" after the last one.

    >>> lines = LineLookahead(iter(["a\n", "b\n"]))
    >>> lines.peek(1), lines.take(), lines.number, lines.take(), lines.take()
    ('b\n', 'a\n', 1, 'b\n', '')

    Attributes:
        number: Lines taken so far.
    """

    def __init__(self, lines: Iterator[str | None]):
        self._lines = lines
        self._waiting: deque[str | None] = deque()
        self.number = 0

    def take(self) -> str | None:
        """The next line."""
        line = self._waiting.popleft() if self._waiting else next(self._lines, "")
        self.number += line != ""
        return line

    def peek(self, place: int = 0) -> str | None:
        """The line that is taken after `place` others."""
        while len(self._waiting) <= place:
            line = next(self._lines, "")
            if line == "":
                return line
            self._waiting.append(line)
        return self._waiting[place]

    def give_back(self, lines: Sequence[str | None]) -> None:
        """Undoes the taking of the last lines."""
        self._waiting.extendleft(reversed(lines))
        self.number -= len(lines)
