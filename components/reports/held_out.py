"""What HeldOutScorer found, as a file."""

import dataclasses
import json
from collections.abc import Mapping

from ulmfit_tfx.evaluation.scores import Interval

REPORT_FILE = "held_out.json"

MODEL = "model"
FROM_SCRATCH = "from_scratch"
MAJORITY = "majority"
MEAN = "mean"
MOST_FREQUENT_TAG = "most_frequent_tag"
TFIDF = "tfidf"


@dataclasses.dataclass(frozen=True)
class HeldOutReport:
    """Scores on the test split.

    Attributes:
        task: Of the model.
        rows: Rows scored.
        systems: Scores by name, such as `accuracy` (the names are those of `evaluation.thresholds`), of each system:

            `MODEL`               the model
            `FROM_SCRATCH`        the same without pretraining, where it was asked for
            `MAJORITY`            classification: the most frequent class, or classes, of training, for every row
            `MEAN`                regression: the mean of each target in training, for every row
            `MOST_FREQUENT_TAG`   tagging: of each word the tag that it most often has in training
            `TFIDF`               classification, regression: a linear model on TF-IDF, fitted on the train split; not
                                  there where the texts hold nothing to count

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
