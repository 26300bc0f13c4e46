"""Counts of an ingestion, as a file: every row that came in went out, was quarantined, or was dropped by a rule."""

import dataclasses
import json


@dataclasses.dataclass(frozen=True)
class Accounting:
    """Counts of an ingestion.

    Attributes:
        rows: Rows written, by split.
        quarantined: Rows refused, by reason.
        dropped: Rows left out by a rule, by rule.
        labels: Rows by label, by split. Of words with tags: words by tag.
        lowest: Lowest number in the train split, by target column.
        highest: Highest number, likewise.
        rows_in: Records read, counted where they are parsed.
        words: Of words with tags, words by split.
        split_off: Rows that there are more than records, because texts were split into sentences.
    """

    rows: dict[str, int]
    quarantined: dict[str, int]
    dropped: dict[str, int]
    labels: dict[str, dict[str, int]]
    lowest: dict[str, float] = dataclasses.field(default_factory=dict)
    highest: dict[str, float] = dataclasses.field(default_factory=dict)
    rows_in: int = 0
    split_off: int = 0
    words: dict[str, int] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str) -> "Accounting":
        """Reads what `to_json` wrote."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)
