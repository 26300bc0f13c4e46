"""What HeldOutScorer found, as a file."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from ulmfit_tfx.evaluation.intervals import Interval
from ulmfit_tfx.evaluation.standing import Standing, standing

REPORT_FILE = "held_out.json"


@dataclasses.dataclass(frozen=True)
class HeldOutReport:
    """Scores on the test split.

    Attributes:
        task: Of the model.
        rows: Rows scored.
        systems: Scores by name, such as `accuracy`, of each system of `evaluation.catalogue.SYSTEMS` that the task has.
            `from_scratch` is there where it was asked for, `tfidf` where the texts hold something to count, `cosine`
            where they are pairs. A score that is not defined for the rows is not there.
        differences: The model's scores less those of each other system, with paired 95 % intervals. None there are in
            the files of versions that did not compare.
        leading: The score that systems are ranked by; None in such files.
    """

    task: str
    rows: int
    systems: Mapping[str, Mapping[str, Interval]]
    differences: Mapping[str, Mapping[str, Interval]] = dataclasses.field(default_factory=dict)
    leading: str | None = None

    def standing(self, score: str | None = None) -> Standing | None:
        """Where the model stands beside the strongest of its baselines.

        Args:
            score: By which. None: the leading one.

        Returns:
            None where no baseline has the score, and of an old file.
        """
        by = score or self.leading
        return None if by is None else standing(by, self.systems, self.differences)

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "HeldOutReport":
        """Reads what `to_json` wrote."""
        values = json.loads(text)
        return cls(
            values["task"],
            values["rows"],
            _intervals(values["systems"]),
            _intervals(values.get("differences", {})),
            values.get("leading"),
        )


def _intervals(systems: Mapping[str, Any]) -> dict[str, dict[str, Interval]]:
    return {system: {name: Interval(**score) for name, score in scores.items()} for system, scores in systems.items()}
