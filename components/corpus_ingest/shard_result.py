"""What came of a shard, on its way from a worker to the accounting."""

import dataclasses
import json
from collections import Counter

from ulmfit_tfx.components.corpus_ingest.shard_reading import ReadCounts
from ulmfit_tfx.components.record_files import Part

ROWS, QUARANTINED, DROPPED, LABELS, REMARKS = "rows", "quarantined", "dropped", "labels", "remarks"
WORDS, RECUT = "words", "recut"
RARE_LABELS, UNLISTED_LABELS, LEAKS = "rare_labels", "unlisted_labels", "leaks"
"""Kinds of what is counted."""


@dataclasses.dataclass
class ShardResult:
    """What came of a shard.

    Attributes:
        counts: By kind, name and label, see `Accounting`.
        lowest: Lowest number in the train split, by target column.
        highest: Highest number, likewise.
        parts: The files that were written.
        places: Those with the places of their rows, see `row_places`.
        shard: Number of the shard; None of what was counted otherwise.
    """

    read: ReadCounts = dataclasses.field(default_factory=ReadCounts)
    counts: Counter[tuple[str, str, str]] = dataclasses.field(default_factory=Counter)
    lowest: dict[str, float] = dataclasses.field(default_factory=dict)
    highest: dict[str, float] = dataclasses.field(default_factory=dict)
    parts: list[Part] = dataclasses.field(default_factory=list)
    places: list[Part] = dataclasses.field(default_factory=list)
    shard: int | None = None

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self) | {"counts": [[*key, count] for key, count in self.counts.items()]})

    @classmethod
    def from_json(cls, text: str) -> "ShardResult":
        """Reads what `to_json` wrote."""
        values = json.loads(text)
        return cls(
            ReadCounts(**values["read"]),
            Counter({tuple(key): count for *key, count in values["counts"]}),
            values["lowest"],
            values["highest"],
            [Part(**part) for part in values["parts"]],
            [Part(**part) for part in values["places"]],
            values["shard"],
        )
