"""What a parser yields: a row, or the reason why there is none."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    """One accepted row.

    Attributes:
        text: The text, not empty.
        label: The label's name, or None in an unlabelled corpus.
    """

    text: str
    label: str | None = None


@dataclasses.dataclass(frozen=True)
class Refusal:
    """One quarantined row.

    Attributes:
        source: File that the row comes from.
        line: Line in that file that the row begins on, counted from 1.
        reason: Short, the same for all rows refused for it, so that refusals can be counted by reason.
        detail: What was found.
        row: The beginning of the row, undecodable bytes as backslash escapes.
    """

    source: str
    line: int
    reason: str
    detail: str
    row: str

    @classmethod
    def too_long(cls, source: str, line: int, limit: int) -> "Refusal":
        """Of a row over `max_row_bytes`."""
        return cls(source, line, "row too long", f"over max_row_bytes={limit}", "")

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: {self.reason}: {self.detail}"
