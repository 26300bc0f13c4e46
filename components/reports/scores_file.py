"""What a model scored on the eval split, as a file that the model card and the run's summary read."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from ulmfit_tfx.evaluation.intervals import Interval

SCORES_FILE = "scores.json"


@dataclasses.dataclass(frozen=True)
class SliceScores:
    """Scores of some of the rows.

    Attributes:
        rows: Their number.
        scores: By name; NaN where one is undefined, as the AUC of rows of one class.
    """

    rows: int
    scores: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The new model beside the one in service, on the same rows.

    Attributes:
        scores: Of the model in service.
        differences: The new model's less those, with paired 95 % bootstrap intervals.
        mended: Rows that only the new model gets right; None where rows are not right or wrong.
        broken: Rows that only the model in service gets right.
    """

    scores: Mapping[str, Interval]
    differences: Mapping[str, Interval]
    mended: int | None = None
    broken: int | None = None


@dataclasses.dataclass(frozen=True)
class EvaluationScores:
    """Scores on the eval split.

    Attributes:
        task: As in the model's information file.
        rows: Rows scored.
        scores: By name of a threshold, those that are defined, with 95 % bootstrap intervals.
        by_slice: By what rows are sliced by (`length`, `label`, a column), then by its value.
        baseline: The comparison with the model in service, None where there is none.
        warnings: What takes worth from the scores, in sentences: texts that are cut, rows that stand in train too.
    """

    task: str
    rows: int
    scores: Mapping[str, Interval]
    by_slice: Mapping[str, Mapping[str, SliceScores]]
    baseline: Comparison | None = None
    warnings: tuple[str, ...] = ()

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "EvaluationScores":
        """Reads what `to_json` wrote."""
        values = json.loads(text)
        baseline = values["baseline"]
        return cls(
            task=values["task"],
            rows=values["rows"],
            scores=_intervals(values["scores"]),
            by_slice={
                name: {value: SliceScores(**found) for value, found in slices.items()}
                for name, slices in values["by_slice"].items()
            },
            baseline=baseline
            and Comparison(
                scores=_intervals(baseline["scores"]),
                differences=_intervals(baseline["differences"]),
                mended=baseline["mended"],
                broken=baseline["broken"],
            ),
            warnings=tuple(values.get("warnings", ())),
        )


def _intervals(values: Mapping[str, Any]) -> dict[str, Interval]:
    return {name: Interval(**interval) for name, interval in values.items()}
