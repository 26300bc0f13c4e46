"""Counts of an ingestion, as a file: every row that came in went out, was quarantined, or was dropped by a rule."""

import dataclasses
import json
import math
from collections.abc import Iterator

ENOUGH_ALIKE = 0.95
"""Share of the sentences below which what is served differs from what was trained on."""
_SETTINGS = {
    "punctuation": "tagging.words: punctuation",
    "whitespace": "tagging.words: whitespace",
    "recut": "tagging.recut: true, and words at their default,",
}
"""By the ways to cut."""


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
        recut: Of words with tags, sentences that each way to cut raw text cuts into the same words, by the values of
            `tagging.words`, and with `tagging.recut`.
        served_cut: The one of these that serving has.
        split_off: Rows that there are more than records, because texts were split into sentences.
        remarks: Rows written that something is odd about, by what it is.
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
    remarks: dict[str, int] = dataclasses.field(default_factory=dict)
    words: dict[str, int] = dataclasses.field(default_factory=dict)
    recut: dict[str, int] = dataclasses.field(default_factory=dict)
    served_cut: str | None = None
    rare_labels: dict[str, int] = dataclasses.field(default_factory=dict)
    unlisted_labels: dict[str, int] = dataclasses.field(default_factory=dict)
    leaks: dict[str, int] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)

    def leak(self, split: str) -> str:
        """What there is to say of a split's rows whose texts were looked at before, in words; "" where none were."""
        count, rows = self.leaks.get(split, 0), self.rows.get(split, 0)
        where = "train or eval" if split == "test" else "train"
        return f"{count:,} of {rows:,} {split} texts are also in {where} ({count / rows:.1%})" if count else ""

    def warnings(self) -> Iterator[str]:
        """What takes worth from the scores, without the full stop at the end."""
        yield from filter(None, (self.leak(split) for split in ("eval", "test")))
        yield from self.notes
        if warning := self.recut_warning():
            yield warning.removesuffix(".")

    @classmethod
    def from_json(cls, text: str) -> "Accounting":
        """Reads what `to_json` wrote."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @property
    def recut_share(self) -> float | None:
        """Share of the sentences whose text serving cuts into the words that they have; None of other rows."""
        sentences = sum(self.rows.values())
        return self.recut[self.served_cut] / sentences if self.served_cut in self.recut and sentences else None

    def recut_shown(self) -> str | None:
        """The share in words; None where there are no words with tags."""
        share = self.recut_share
        if share is None:
            return None
        alike, sentences = self.recut[str(self.served_cut)], sum(self.rows.values())
        how = f"are cut into the same words by tagging.words: {self.served_cut}"
        return f"{alike:,} of {sentences:,} sentences ({percent(share)}) {how}"

    def recut_warning(self) -> str | None:
        """What a small share means and what helps; None where there is none."""
        share = self.recut_share
        if share is None or share >= ENOUGH_ALIKE:
            return None
        other, found = max(self.recut.items(), key=lambda item: item[1])
        better = f"With {_SETTINGS[other]} it would be {percent(found / sum(self.rows.values()))}. "
        return (
            f"Only {self.recut_shown()}, as it cuts raw text where the model is served. Scores are of the given words "
            f"and do not hold for raw text. {better if found > self.recut[str(self.served_cut)] else ''}"
            "The signature tag_words takes text that is cut already."
        )


def percent(share: float) -> str:
    """A share in words.

    >>> percent(0.0), percent(0.9996), percent(1.0)
    ('0.0 %', '99.9 %', '100.0 %')
    """
    return f"{math.floor(1000 * share + 1e-9) / 10:.1f} %"
