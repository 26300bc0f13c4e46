"""Classification with one label a text, as the report shows it."""

from collections.abc import Sequence

import numpy as np

from ulmfit_tfx.evaluation import charts
from ulmfit_tfx.evaluation.blocks import Fact, Section, ShownError, number
from ulmfit_tfx.evaluation.class_tables import class_table, confusions
from ulmfit_tfx.evaluation.scores import calibration_sums
from ulmfit_tfx.evaluation.task_view import TaskView
from ulmfit_tfx.tasks.classification.predictor import Prediction
from ulmfit_tfx.tasks.classification.scores import ClassificationRows
from ulmfit_tfx.transforms.records.record import Row


class ClassificationView(TaskView):
    """Rows with a label each."""

    kind = "classification with one label a text"
    columns = ("text", "expected", "predicted", "expected_probability", "predicted_probability")
    ranking = "the least probability of the expected label first"

    def __init__(self, rows: Sequence[Row], predictions: Sequence[Prediction], classes: Sequence[str]):
        """Holds rows against predictions.

        Args:
            rows: With `label`.
            predictions: In the order of the rows.
            classes: Of the model, in its order.
        """
        self.rows = rows
        self._classes = list(classes)
        self._expected = [row.label or "" for row in rows]
        self._predicted = [prediction.label for prediction in predictions]
        self._by_class = [prediction.probabilities for prediction in predictions]
        self._probabilities = np.array([[found[name] for name in classes] for found in self._by_class])
        self.scored = ClassificationRows(self._expected, self._probabilities, self._classes)

    def right(self) -> np.ndarray:
        """Whether the label is the expected one."""
        return np.array(self._expected) == np.array(self._predicted)

    def errors(self) -> list[int]:
        """Rows with another label, the least probability of the expected one first."""
        wrong = np.flatnonzero(~self.right())
        return sorted(wrong.tolist(), key=lambda index: (self._of_expected(index), index))

    def _of_expected(self, index: int) -> float:
        """Probability of the expected label: 0 where the model does not know it."""
        return self._by_class[index].get(self._expected[index], 0.0)

    def record(self, index: int) -> dict[str, str]:
        """Expected and predicted label, with their probabilities."""
        return {
            "text": self.rows[index].text,
            "expected": self._expected[index],
            "predicted": self._predicted[index],
            "expected_probability": f"{self._of_expected(index):.6f}",
            "predicted_probability": f"{self._by_class[index][self._predicted[index]]:.6f}",
        }

    def shown(self, index: int) -> ShownError:
        """The text with both labels."""
        predicted = self._predicted[index]
        return ShownError(
            self.rows[index].text,
            (
                Fact("expected", self._expected[index], number(self._of_expected(index))),
                Fact("predicted", predicted, number(self._by_class[index][predicted])),
            ),
        )

    def own_slices(self) -> dict[str, list[str]]:
        """Slices by expected label."""
        return {"label": self._expected}

    def sections(self) -> list[Section]:
        """Confusions, scores of each class, reliability."""
        names = [*self._classes, *sorted(set(self._expected) - set(self._classes))]
        likeliest = self._probabilities.max(axis=1, keepdims=True)
        return [
            Section(
                "classes",
                "Classes",
                charts=(confusions(names, self._expected, self._predicted, "rows"),),
                tables=(class_table("Scores of each class", "class", names, self._expected, self._predicted),),
            ),
            Section(
                "calibration",
                "Calibration",
                "Whether a text that the model is 80 % sure of is right in 80 % of the cases.",
                charts=(
                    charts.reliability_diagram(
                        calibration_sums(likeliest, self.right()[:, None]).sum(axis=0), "rows", "share right"
                    ),
                ),
            ),
        ]
