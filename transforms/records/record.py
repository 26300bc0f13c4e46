"""What a parser yields: a row, or the reason why there is none."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from ulmfit_tfx.transforms.records.lines import escaped

BLANK_LINE = "blank line"
"""Reason of the refusals that stand for blank lines, where every line is to have its row."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One accepted row.

    Attributes:
        text: The text, not empty. Of words with tags, the words with a space between them.
        label: The label's name, of a classification with one label a row.
        labels: The labels' names, of a classification with several labels a row or none.
        targets: The numbers to predict, in the order of `target_columns`. Regression.
        teacher_probabilities: What a teacher says of each class, in the order of the classes' names, where one does.
        is_transfer: Whether the row is one of a teacher's, with no label of its own.
        weight: What the row counts in the loss, where there is a `weight_column`.
        words: Not empty, each of them. Tagging.
        tags: The tag of each word; several tags of a word are one string, joined by `tagging.tag_separator`.
        split: The split that the row names itself, where there is a `split_column`.
        slices: Name and value of each of `slice_columns`.
        key: Value of `split_key_column`, where there is one: rows with the same one share a split.
        written: Of words with tags, the sentence as it was written, where the file has that too.
        line: Line of its file that it begins on, counted from 1; of Parquet and Excel its row.
        columns: All that the record holds, by column, where the parser was asked to keep it.
        unlisted: Labels that were taken off a row with several, because `labels` does not list them.
    """

    text: str
    label: str | None = None
    labels: tuple[str, ...] | None = None
    targets: tuple[float, ...] = ()
    weight: float | None = None
    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    split: str | None = None
    slices: tuple[tuple[str, str], ...] = ()
    key: str | None = None
    written: str | None = dataclasses.field(default=None, compare=False)
    line: int | None = dataclasses.field(default=None, compare=False)
    columns: Mapping[str, Any] | None = dataclasses.field(default=None, compare=False)
    unlisted: tuple[str, ...] = ()
    teacher_probabilities: tuple[float, ...] = ()
    is_transfer: bool = False


@dataclasses.dataclass(frozen=True)
class Refusal:
    """One quarantined row.

    Attributes:
        source: File that the row comes from.
        line: Line in that file that the row begins on, or the one of its lines that is wrong, counted from 1.
        reason: Short, the same for all rows refused for it, so that refusals can be counted by reason.
        detail: What was found.
        row: The row, undecodable bytes as backslash escapes; empty where it is over `max_row_bytes`.
        columns: As of a `Row`, where its columns could be told apart.
    """

    source: str
    line: int
    reason: str
    detail: str
    row: str
    columns: Mapping[str, Any] | None = dataclasses.field(default=None, compare=False)

    @classmethod
    def too_long(cls, source: str, line: int, limit: int) -> "Refusal":
        """Of a row over `max_row_bytes`."""
        return cls(source, line, "row too long", f"over max_row_bytes={limit}", "")

    def to_json(self) -> str:
        """As a line of JSON."""
        values = dataclasses.asdict(self)
        if self.columns is None:
            del values["columns"]
        return json.dumps(values, ensure_ascii=False)

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: {self.reason}: {self.detail}"


class RowError(Exception):
    """What is wrong with a row, on its way to the parser that knows where the row stands.

    Attributes:
        reason: As of a `Refusal`.
        detail: As of a `Refusal`.
        line: Line that is wrong, where it is another one than the row begins on.
    """

    def __init__(self, reason: str, detail: str, line: int | None = None):
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.line = line

    @classmethod
    def too_long(cls, limit: int) -> "RowError":
        """Of a row over `max_row_bytes`."""
        return cls("row too long", f"over max_row_bytes={limit}")

    def refusal(self, source: str, line: int, row: str) -> Refusal:
        """The refusal of a row.

        Args:
            source: Its file.
            line: Line that it begins on.
            row: The row.
        """
        return Refusal(source, line if self.line is None else self.line, self.reason, self.detail, escaped(row))
