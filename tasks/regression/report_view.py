"""Regression, as the report shows it."""

from collections.abc import Sequence

import numpy as np

from ulmfit_tfx.evaluation import catalogue, charts
from ulmfit_tfx.evaluation.blocks import (
    Cell,
    Fact,
    Section,
    ShownError,
    Table,
    number,
    number_cell,
    signed,
)
from ulmfit_tfx.evaluation.task_view import TaskView
from ulmfit_tfx.tasks.regression.predictor import ScorePrediction
from ulmfit_tfx.tasks.regression.scores import RegressionRows
from ulmfit_tfx.transforms.records.record import Row

_KINDS = ("expected", "predicted", "error")
_SCORES = ("mae", "rmse", "pearson", "spearman")


class RegressionView(TaskView):
    """Rows with one or several numbers."""

    kind = "regression"
    ranking = "the largest error of any target first, in units of that target's deviation"

    def __init__(self, rows: Sequence[Row], predictions: Sequence[ScorePrediction], targets: Sequence[str]):
        """Holds rows against predictions.

        Args:
            rows: With `targets`.
            predictions: In the order of the rows.
            targets: Names of the numbers, in the order of the rows' `targets`.
        """
        self.rows = rows
        self.columns = ("text", *(f"{kind} {name}" for name in targets for kind in _KINDS))
        self._targets = list(targets)
        self._expected = np.array([row.targets for row in rows], dtype=np.float64)
        self._predicted = np.array([[found.scores[name] for name in targets] for found in predictions])
        self._errors = self._predicted - self._expected
        self.scored = RegressionRows(self._expected, self._predicted)

    def errors(self) -> list[int]:
        """Rows with an error, the largest in units of its target's deviation first."""
        deviation = self._expected.std(axis=0)
        relative = np.abs(self._errors) / np.where(deviation > 0, deviation, 1)
        worst = relative.max(axis=1)
        return sorted(np.flatnonzero(worst > 0).tolist(), key=lambda index: (-worst[index], index))

    def record(self, index: int) -> dict[str, str]:
        """Expected and predicted number and error of each target."""
        record = {"text": self.rows[index].text}
        for target, name in enumerate(self._targets):
            values = (self._expected, self._predicted, self._errors)
            for kind, value in zip(_KINDS, values, strict=True):
                record[f"{kind} {name}"] = f"{value[index, target]:.6g}"
        return record

    def shown(self, index: int) -> ShownError:
        """The text with expected and predicted number of each target."""
        facts = [
            Fact(
                name,
                f"expected {number(self._expected[index, target])}, predicted {number(self._predicted[index, target])}",
                f"error {signed(self._errors[index, target])}",
            )
            for target, name in enumerate(self._targets)
        ]
        return ShownError(self.rows[index].text, tuple(facts))

    def sections(self) -> list[Section]:
        """Agreement and errors of each target."""
        drawn = []
        for target, name in enumerate(self._targets):
            drawn.append(charts.agreement(self._expected[:, target], self._predicted[:, target], name, str(target)))
            drawn.append(charts.residuals(self._errors[:, target], name, str(target)))
        return [Section("targets", "Targets", charts=tuple(drawn), tables=(self._table(),))]

    def _table(self) -> Table:
        rows = []
        for target, name in enumerate(self._targets):
            expected, errors = self._expected[:, [target]], self._errors[:, target]
            scores = RegressionRows(expected, self._predicted[:, [target]]).scores()
            rows.append(
                (
                    Cell(name),
                    *(number_cell(scores[score]) for score in _SCORES),
                    Cell(signed(errors.mean()), is_number=True),
                    Cell(f"{number(expected.min())} … {number(expected.max())}", is_number=True),
                )
            )
        header = ("target", *map(catalogue.title_of, _SCORES), "mean error", "expected range")
        return Table("Scores of each target", header, tuple(rows))
