"""What the TFMA metrics of all tasks are made of. Each task has its own in `metrics.py`, beside its `scores.py`.

Thresholds are held against them. Each reads what is expected from the `label_key` of the `EvalConfig`, a feature as
`feature_names` has it, and the outputs of the signature `serving_examples`. In an `EvalConfig`:

    MetricConfig(
        class_name="EntityScores",
        module="ulmfit_tfx.tasks.tagging.metrics",
        config='{"name": "entity_f1", "measure": "f1"}',
    )

A metric that is not defined for the examples of a slice is nan there, which meets no threshold. None of them weights
examples. `name` is that in TFMA's results, and that of the threshold.

Of a class name that TFMA has registered, such as AUC or MeanAbsoluteError, it takes its own class whatever the module.
"""

import dataclasses
import functools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma

from ulmfit_tfx.evaluation.scores import Unit

Outputs = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Statistic:
    """A score in the pieces that it is computed in.

    Attributes:
        of_example: From the labels and the outputs of an example to what is kept of it.
        merged: Of two such, that of the examples together. It may change the first.
        score: From that to the score.
    """

    of_example: Callable[[np.ndarray | None, Outputs], Any]
    merged: Callable[[Any, Any], Any]
    score: Callable[[Any], float]


class ScoreMetric(tfma.metrics.Metric):
    """A score as a metric of TFMA."""

    def __init__(self, statistic: Statistic, name: str, **arguments: Any):
        """Describes the metric.

        Args:
            statistic: What is computed.
            name: In TFMA's results.
            arguments: Of the subclass's constructor, as TFMA writes them down.
        """
        super().__init__(functools.partial(_computations, statistic), name=name, **arguments)


def _computations(
    statistic: Statistic, name: str, model_names: Sequence[str] | None = None, **arguments: Any
) -> tfma.metrics.MetricComputations:
    """One computation a model. TFMA gives `model_names`, recognizing the argument by its name."""
    computations = []
    for model_name in model_names or [""]:
        key = tfma.metrics.MetricKey(name=name, model_name=model_name, example_weighted=False)
        computations.append(
            tfma.metrics.MetricComputation(
                keys=[key], preprocessors=None, combiner=_StatisticCombiner(key, model_name, statistic)
            )
        )
    return computations


class _StatisticCombiner(beam.CombineFn):
    """Merges the statistics of examples; None is that of no examples."""

    def __init__(self, key: tfma.metrics.MetricKey, model_name: str, statistic: Statistic):
        self._key = key
        self._model_name = model_name
        self._statistic = statistic

    def create_accumulator(self) -> None:
        return None

    def add_input(self, accumulator: Any, element: tfma.metrics.StandardMetricInputs) -> Any:
        labels = element.get_labels(model_name=self._model_name or None)
        outputs = element.get_predictions(model_name=self._model_name or None)
        return self._merged(accumulator, self._statistic.of_example(labels, outputs))

    def merge_accumulators(self, accumulators: Iterable[Any]) -> Any:
        return functools.reduce(self._merged, accumulators, None)

    def extract_output(self, accumulator: Any) -> dict[tfma.metrics.MetricKey, float]:
        return {self._key: math.nan if accumulator is None else self._statistic.score(accumulator)}

    def _merged(self, first: Any, second: Any) -> Any:
        if first is None or second is None:
            return second if first is None else first
        return self._statistic.merged(first, second)


def mean_of(
    read: Callable[[np.ndarray | None, Outputs], tuple[float, int]], finish: Callable[[float], float] = float
) -> Statistic:
    """A mean of what is read as a sum and the number of its terms, and a function of it."""

    def of_example(labels: np.ndarray | None, outputs: Outputs) -> np.ndarray:
        return np.array(read(labels, outputs), np.float64)

    def score(sums: np.ndarray) -> float:
        return finish(sums[0] / sums[1]) if sums[1] else math.nan

    return Statistic(of_example, np.add, score)


def f1_of(
    read: Callable[[np.ndarray | None, Outputs], tuple[set[Unit], set[Unit]]],
    score: Callable[[np.ndarray], float],
) -> Statistic:
    """A score of the units, expected and predicted, that are read: they are counted by label."""

    def of_example(labels: np.ndarray | None, outputs: Outputs) -> Counter:
        expected, predicted = read(labels, outputs)
        kinds = enumerate((expected & predicted, predicted, expected))
        return Counter((label, kind) for kind, units in kinds for label, *_ in units)

    def merged(first: Counter, second: Counter) -> Counter:
        first.update(second)
        return first

    def score_of(counts: Counter) -> float:
        labels = sorted({label for label, _ in counts})
        return score(np.array([[counts[label, kind] for label in labels] for kind in range(3)], np.float64))

    return Statistic(of_example, merged, score_of)


def strings(values: np.ndarray | None) -> list[str]:
    """Strings of an example, however many.

    TFMA gives a feature of any number of strings as an array of bytes, one without values as an empty array of floats,
    or as None where no example of the batch has any.
    """
    return [] if values is None else [value.decode() for value in np.ravel(values)]


def output(outputs: Outputs, name: str) -> np.ndarray:
    """An output of the model.

    Raises:
        ValueError: It has none of that name.
    """
    if not isinstance(outputs, Mapping) or name not in outputs:
        given = ", ".join(sorted(outputs)) if isinstance(outputs, Mapping) else "a single unnamed output"
        raise ValueError(f"the model's outputs are {given}, expected {name} among them")
    return outputs[name]
