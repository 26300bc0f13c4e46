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
        split_off: Rows that there are more than records, because texts were split into sentences.
        rare_labels: Labels too rare to be kept, with how many rows had them.
        unlisted_labels: Labels that `data.labels` does not list, likewise; of very many some.
        leaks: Rows of eval whose texts stand in train too, and of test that stand in train or eval, where they were
            counted.
        notes: What is no reason to stop and worth to be known, in sentences.
    """

    rows: dict[str, int]
    quarantined: dict[str, int]
    dropped: dict[str, int]
    labels: dict[str, dict[str, int]]
    lowest: dict[str, float] = dataclasses.field(default_factory=dict)
    highest: dict[str, float] = dataclasses.field(default_factory=dict)
    rows_in: int = 0
    split_off: int = 0
    rare_labels: dict[str, int] = dataclasses.field(default_factory=dict)
    unlisted_labels: dict[str, int] = dataclasses.field(default_factory=dict)
    leaks: dict[str, int] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)

    def leak(self, split: str) -> str:
        """What there is to say of a split's rows whose texts were looked at before, in words; "" where none were."""
        count, rows = self.leaks.get(split, 0), self.rows.get(split, 0)
        where = "train or eval" if split == "test" else "train"
        return f"{count:,} of {rows:,} {split} texts are also in {where} ({count / rows:.1%})" if count else ""

    @classmethod
    def from_json(cls, text: str) -> "Accounting":
        """Reads what `to_json` wrote."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)
