"""Whether a model is as good as a simple one on the eval split, as a file that report and summary read."""

import dataclasses
import json

from ulmfit_tfx.components.reports.held_out import HeldOutReport
from ulmfit_tfx.evaluation.standing import Standing

REPORT_FILE = "baselines.json"


@dataclasses.dataclass(frozen=True)
class BeatenReport:
    """What `evaluation.beat` demands, and what came of it.

    Attributes:
        scores: Of the model and of the simple models that it is held against, on the eval split.
    """

    scores: HeldOutReport

    def standing(self) -> Standing | None:
        """Where the model stands beside the strongest of them. None where none can answer."""
        return self.scores.standing()

    @property
    def is_met(self) -> bool:
        """Whether the model is not behind by more than noise: the 95 % interval of its lead reaches 0."""
        found = self.standing()
        return found is None or found.lead.high >= 0

    def lost(self) -> str:
        """What there is to say first where the model is behind; "" where it is not."""
        found = self.standing()
        return "" if found is None or self.is_met else f"not as good as a simple model: eval {found.sentence()}"

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps({"scores": json.loads(self.scores.to_json())}, indent=2)

    @classmethod
    def from_json(cls, text: str) -> "BeatenReport":
        """Reads what `to_json` wrote."""
        return cls(HeldOutReport.from_json(json.dumps(json.loads(text)["scores"])))
