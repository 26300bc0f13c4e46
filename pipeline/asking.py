"""Asks a model about rows, so many at a time that memory stays bounded, and says which were refused."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.answered_rows.asked import AskedRow

ROWS_AT_ONCE = 4096
"""Answered in batches of like length, which is worth more the more there are to choose from."""
_CHARACTERS_AT_ONCE = 1 << 22

_Answer = TypeVar("_Answer")


def answered(
    rows: Iterable[AskedRow], answer: Callable[[Sequence[str]], Sequence[_Answer]], rows_at_once: int = ROWS_AT_ONCE
) -> Iterator[list[tuple[AskedRow, _Answer | None]]]:
    """Answers rows, in their order; None stands for the answer to a row that is refused.

    Args:
        rows: Any number.
        answer: Gives one answer for each text.
        rows_at_once: At most so many are in memory.
    """
    for chunk in _chunks(rows, rows_at_once):
        answers = iter(answer([row.text for row in chunk if row.text is not None]))
        yield [(row, None if row.text is None else next(answers)) for row in chunk]


class Account:
    """Counts rows on their way, and remembers the first refused one.

    Attributes:
        rows: All of them.
        refused: Those that are not asked, by reason.
        first: Place and reason of the first of these.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.refused: Counter[str] = Counter()
        self.first = ""

    def counting(self, rows: Iterable[AskedRow]) -> Iterator[AskedRow]:
        """The same rows."""
        for row in rows:
            self.rows += 1
            if row.error is not None:
                self.refused[row.error.partition(":")[0]] += 1
                self.first = self.first or f"{place_of(row)}: {row.error}"
            yield row

    @property
    def is_without_text(self) -> bool:
        """Whether there is nothing to ask."""
        return self.rows == self.refused.total()

    def reasons(self) -> str:
        """How many rows were refused for what."""
        return ", ".join(f"{reason}: {count:,}" for reason, count in self.refused.items())

    def nothing_to_ask(self, source: str) -> DataError:
        """The error about an input of refused rows alone."""
        return DataError(
            f"{source}: none of its {self.rows:,} rows can be predicted ({self.reasons()}). The first: {self.first}."
        )


def place_of(row: AskedRow) -> str:
    """File and line of a row."""
    return row.file if row.line is None else f"{row.file}:{row.line}"


def _chunks(rows: Iterable[AskedRow], rows_at_once: int) -> Iterator[list[AskedRow]]:
    chunk: list[AskedRow] = []
    characters = 0
    for row in rows:
        chunk.append(row)
        characters += len(row.text or "") + sum(len(value) for value in row.columns.values() if isinstance(value, str))
        if len(chunk) == rows_at_once or characters >= _CHARACTERS_AT_ONCE:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk
