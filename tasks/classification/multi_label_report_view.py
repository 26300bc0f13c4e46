"""Classification with several labels a text, as the report shows it."""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from ulmfit_tfx.evaluation import charts
from ulmfit_tfx.evaluation.blocks import Fact, Section, ShownError, number
from ulmfit_tfx.evaluation.class_tables import class_table
from ulmfit_tfx.evaluation.scores import calibration_sums
from ulmfit_tfx.evaluation.task_view import TaskView
from ulmfit_tfx.tasks.classification.predictor import Prediction
from ulmfit_tfx.tasks.classification.scores import MultiLabelRows
from ulmfit_tfx.transforms.records.record import Row

_LEAST = 1e-7


class MultiLabelView(TaskView):
    """Rows with any number of labels."""

    kind = "classification with several labels a text"
    columns = ("text", "expected", "predicted", "missed", "spurious")
    ranking = "the largest cross-entropy first"

    def __init__(
        self,
        rows: Sequence[Row],
        predictions: Sequence[Prediction],
        classes: Sequence[str],
        separator: str,
        threshold: float,
    ):
        """Holds rows against predictions.

        Args:
            rows: With `labels`.
            predictions: In the order of the rows.
            classes: Of the model, in its order.
            separator: Between labels.
            threshold: Probability from which a label is given.
        """
        self.rows = rows
        self._classes, self._separator, self._threshold = list(classes), separator, threshold
        self._expected = [row.labels or () for row in rows]
        self._predicted = [prediction.labels for prediction in predictions]
        self._by_class = [prediction.probabilities for prediction in predictions]
        self._probabilities = np.array([[found[name] for name in classes] for found in self._by_class])
        self.scored = MultiLabelRows(self._expected, self._probabilities, self._classes, threshold)

    def right(self) -> np.ndarray:
        """Whether the labels are exactly the expected ones."""
        pairs = zip(self._expected, self._predicted, strict=True)
        return np.array([set(expected) == set(predicted) for expected, predicted in pairs])

    def errors(self) -> list[int]:
        """Rows with other labels, the largest cross-entropy first."""
        has_label = _indicators(self._expected, self._classes)
        of_truth = np.where(has_label, self._probabilities, 1 - self._probabilities)
        loss = -np.log(np.maximum(of_truth, _LEAST)).sum(axis=1)
        return sorted(np.flatnonzero(~self.right()).tolist(), key=lambda index: (-loss[index], index))

    def _difference(self, index: int) -> tuple[dict[str, float], dict[str, float]]:
        """Labels that are missed and those that are spurious, with their probabilities."""
        expected, predicted, by_class = self._expected[index], self._predicted[index], self._by_class[index]
        return (
            {name: by_class.get(name, 0.0) for name in expected if name not in predicted},
            {name: by_class[name] for name in predicted if name not in expected},
        )

    def record(self, index: int) -> dict[str, str]:
        """Expected and predicted labels, and those that differ with their probabilities, as JSON."""
        missed, spurious = self._difference(index)
        return {
            "text": self.rows[index].text,
            "expected": self._separator.join(self._expected[index]),
            "predicted": self._separator.join(self._predicted[index]),
            "missed": _as_json(missed),
            "spurious": _as_json(spurious),
        }

    def shown(self, index: int) -> ShownError:
        """The text with labels that are missed, spurious and right."""
        missed, spurious = self._difference(index)
        agreed = [name for name in self._expected[index] if name in self._predicted[index]]
        facts = [Fact("missed", name, number(value)) for name, value in missed.items()]
        facts += [Fact("spurious", name, number(value)) for name, value in spurious.items()]
        facts += [Fact("right", name, number(self._by_class[index][name])) for name in agreed]
        return ShownError(self.rows[index].text, tuple(facts))

    def sections(self) -> list[Section]:
        """Scores of each label, reliability."""
        names = [*self._classes, *sorted({name for labels in self._expected for name in labels} - set(self._classes))]
        expected, predicted = _indicators(self._expected, names), _indicators(self._predicted, names)
        has_label = expected[:, : len(self._classes)]
        return [
            Section(
                "labels",
                "Labels",
                f"A label is given from a probability of {self._threshold:g} on.",
                tables=(class_table("Scores of each label", "label", names, expected, predicted),),
            ),
            Section(
                "calibration",
                "Calibration",
                "Whether 80 % of the labels that are given a probability of 80 % belong to their texts.",
                charts=(
                    charts.reliability_diagram(
                        calibration_sums(self._probabilities, has_label).sum(axis=0),
                        "decisions",
                        "share that belong",
                    ),
                ),
            ),
        ]


def _indicators(labels: Sequence[Sequence[str]], names: Sequence[str]) -> np.ndarray:
    """Which row has which label, bool [rows, names]."""
    return np.array([[name in given for name in names] for given in labels])


def _as_json(probabilities: Mapping[str, float]) -> str:
    return json.dumps({name: round(value, 6) for name, value in probabilities.items()}, ensure_ascii=False)
