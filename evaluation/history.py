"""The course of a training, as Trainer writes it down."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

_DIRECTIONS = ("forward", "backward")


@dataclasses.dataclass(frozen=True)
class Course:
    """A training.

    Attributes:
        best_epoch: The one whose weights were kept, counted from 1.
        epochs: Metrics of each; what is measured on the eval split begins with `eval_`.
    """

    best_epoch: int
    epochs: tuple[Mapping[str, float], ...]


@dataclasses.dataclass(frozen=True)
class History:
    """The training of a model, or of its two halves.

    Attributes:
        courses: By direction of reading, `""` where there is one alone.
        average: Metrics of the average of both on the eval split.
    """

    courses: Mapping[str, Course]
    average: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str) -> "History":
        """Reads the file that Trainer writes.

        `{"best_epoch": 2, "epochs": [{"loss": 0.7, "eval_loss": 0.6}, ...]}`, or two of them by direction.
        """
        values = json.loads(text)
        if "epochs" in values:
            return cls({"": _course(values)})
        courses = {name: _course(values[name]) for name in _DIRECTIONS if name in values}
        return cls(courses, values.get("average") or {})

    @property
    def quantities(self) -> list[str]:
        """What is measured on both splits in all epochs, the loss first."""
        epochs = [metrics for course in self.courses.values() for metrics in course.epochs]
        common = set.intersection(*(set(metrics) for metrics in epochs)) if epochs else set()
        return sorted((name for name in common if f"eval_{name}" in common), key=lambda name: (name != "loss", name))


def _course(values: Mapping[str, Any]) -> Course:
    return Course(values["best_epoch"], tuple(values["epochs"]))
