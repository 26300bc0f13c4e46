"""What HeldOutScorer found, as a file."""

import dataclasses
import json
from collections.abc import Mapping

from ulmfit_tfx.evaluation.intervals import Interval

REPORT_FILE = "held_out.json"


@dataclasses.dataclass(frozen=True)
class HeldOutReport:
    """Scores on the test split.

    Attributes:
        task: Of the model.
        rows: Rows scored.
        systems: Scores by name, such as `accuracy`, of each system of `evaluation.catalogue.SYSTEMS` that the task has.
            `from_scratch` is there where it was asked for, `tfidf` where the texts hold something to count.
            A score that is not defined for the rows is not there.
    """

    task: str
    rows: int
    systems: Mapping[str, Mapping[str, Interval]]

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "HeldOutReport":
        """Reads what `to_json` wrote."""
        values = json.loads(text)
        systems = {
            system: {name: Interval(**score) for name, score in scores.items()}
            for system, scores in values["systems"].items()
        }
        return cls(values["task"], values["rows"], systems)
