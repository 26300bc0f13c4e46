"""The scores of `ulmfit_tfx.evaluation.scores` as TFMA metrics, which thresholds are held against.

Each reads what is expected from the `label_key` of the `EvalConfig`, a feature as `feature_names` has it, and the
outputs of the signature `serving_examples`. In an `EvalConfig`:

    MetricConfig(
        class_name="EntityScores",
        module="ulmfit_tfx.evaluation.metrics",
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
from typing import Any, Literal, NamedTuple, get_args

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma

from ulmfit_tfx.evaluation import scores
from ulmfit_tfx.trainer_modules.serving import signature_names as signatures

Measure = Literal["precision", "recall", "f1"]

_Outputs = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class _Statistic:
    """A score in the pieces that it is computed in.

    Attributes:
        of_example: From the labels and the outputs of an example to what is kept of it.
        merged: Of two such, that of the examples together. It may change the first.
        score: From that to the score.
    """

    of_example: Callable[[np.ndarray | None, _Outputs], Any]
    merged: Callable[[Any, Any], Any]
    score: Callable[[Any], float]


class _ScoreMetric(tfma.metrics.Metric):
    def __init__(self, statistic: _Statistic, name: str, **arguments: Any):
        super().__init__(functools.partial(_computations, statistic), name=name, **arguments)


def _computations(
    statistic: _Statistic, name: str, model_names: Sequence[str] | None = None, **arguments: Any
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

    def __init__(self, key: tfma.metrics.MetricKey, model_name: str, statistic: _Statistic):
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


class Accuracy(_ScoreMetric):
    """Share of the texts whose most probable class is their label. Classification with one label a text."""

    def __init__(self, name: str = "accuracy"):
        """Describes the metric."""
        super().__init__(_mean_of(_right_texts), name)


class AreaUnderCurve(_ScoreMetric):
    """Area under the ROC curve of each class against the rest, the mean over the classes that it is defined for.

    Classification, with one label a text or several. Exact, so it keeps labels and probabilities: some 330 bytes a
    text, and 4 a class.
    """

    def __init__(self, name: str = "auc"):
        """Describes the metric."""
        super().__init__(_Statistic(_RankedTexts.of_example, _RankedTexts.merged, _RankedTexts.area), name)


class CalibrationError(_ScoreMetric):
    """Expected calibration error: of the most probable class, or of all classes where there are several labels."""

    def __init__(self, name: str = "calibration_error", several_labels: bool = False):
        """Describes the metric.

        Args:
            name: In TFMA's results.
            several_labels: Whether a text has any number of labels.
        """
        read = _calibration_of_all if several_labels else _calibration_of_best
        super().__init__(_Statistic(read, np.add, scores.calibration_error), name, several_labels=several_labels)


class MacroF1(_ScoreMetric):
    """F1, the mean over the labels that are expected or predicted. Classification."""

    def __init__(self, name: str = "macro_f1", threshold: float | None = None):
        """Describes the metric.

        Args:
            name: In TFMA's results.
            threshold: Probability from which a label is given. None: a text has one label, the most probable class.
        """
        read = _best_label if threshold is None else functools.partial(_labels_given, threshold=threshold)
        super().__init__(_f1_of(read, scores.macro_f1), name, threshold=threshold)


class MicroF1(_ScoreMetric):
    """F1 of all labels together. Classification with several labels a text."""

    def __init__(self, threshold: float, name: str = "micro_f1"):
        """Describes the metric.

        Args:
            threshold: Probability from which a label is given.
            name: In TFMA's results.
        """
        read = functools.partial(_labels_given, threshold=threshold)
        super().__init__(_f1_of(read, functools.partial(_micro, measure="f1")), name, threshold=threshold)


class MAE(_ScoreMetric):
    """Mean absolute error of all targets together. Regression."""

    def __init__(self, name: str = "mae"):
        """Describes the metric."""
        super().__init__(_mean_of(_absolute_errors), name)


class RMSE(_ScoreMetric):
    """Root of the mean squared error of all targets together. Regression."""

    def __init__(self, name: str = "rmse"):
        """Describes the metric."""
        super().__init__(_mean_of(_squared_errors, math.sqrt), name)


class Pearson(_ScoreMetric):
    """Pearson's correlation, the lowest of any target. Regression."""

    def __init__(self, name: str = "pearson"):
        """Describes the metric."""
        super().__init__(_Statistic(_Moments.of_example, _Moments.merged, _Moments.lowest_correlation), name)


class Spearman(_ScoreMetric):
    """Spearman's correlation of ranks, the lowest of any target. Regression.

    It keeps what is expected and predicted: some 140 bytes a text, and 16 a target.
    """

    def __init__(self, name: str = "spearman"):
        """Describes the metric."""
        super().__init__(_of_regression_rows("spearman"), name)


class OneMinusWMAE(_ScoreMetric):
    """KLEJ's 1 - wMAE, the mean over the targets. Regression. It keeps what `Spearman` does."""

    def __init__(self, name: str = "one_minus_wmae"):
        """Describes the metric."""
        super().__init__(_of_regression_rows("one_minus_wmae"), name)


class TagAccuracy(_ScoreMetric):
    """Share of the words with the tag that is expected. Tagging."""

    def __init__(self, name: str = "accuracy"):
        """Describes the metric."""
        super().__init__(_mean_of(_right_words), name)


class EntityScores(_ScoreMetric):
    """Precision, recall or F1 of the entities of all types together. Tagging with `bio` or `bioes` tags."""

    def __init__(self, measure: Measure, name: str | None = None):
        """Describes the metric.

        Args:
            measure: Which of the three.
            name: In TFMA's results. None: `entity_f1` and so on.

        Raises:
            ValueError: `measure` is none of the three.
        """
        if measure not in get_args(Measure):
            raise ValueError(f"measure is {measure!r}, expected one of {', '.join(get_args(Measure))}")
        score = functools.partial(_micro, measure=measure)
        super().__init__(_f1_of(_entities, score), name or f"entity_{measure}", measure=measure)


class TagMacroF1(_ScoreMetric):
    """F1, the mean over the tags that are expected or predicted. Tagging with several tags a word."""

    def __init__(self, separator: str, name: str = "macro_f1"):
        """Describes the metric.

        Args:
            separator: What stands between the tags of a word.
            name: In TFMA's results.
        """
        super().__init__(
            _f1_of(functools.partial(_word_tags, separator=separator), scores.macro_f1), name, separator=separator
        )


class TagMicroF1(_ScoreMetric):
    """F1 of all tags together. Tagging with several tags a word."""

    def __init__(self, separator: str, name: str = "micro_f1"):
        """Describes the metric.

        Args:
            separator: What stands between the tags of a word.
            name: In TFMA's results.
        """
        super().__init__(
            _f1_of(functools.partial(_word_tags, separator=separator), functools.partial(_micro, measure="f1")),
            name,
            separator=separator,
        )


def _mean_of(
    read: Callable[[np.ndarray | None, _Outputs], tuple[float, int]], finish: Callable[[float], float] = float
) -> _Statistic:
    """A mean of what is read as a sum and the number of its terms, and a function of it."""

    def of_example(labels: np.ndarray | None, outputs: _Outputs) -> np.ndarray:
        return np.array(read(labels, outputs), np.float64)

    def score(sums: np.ndarray) -> float:
        return finish(sums[0] / sums[1]) if sums[1] else math.nan

    return _Statistic(of_example, np.add, score)


def _f1_of(
    read: Callable[[np.ndarray | None, _Outputs], tuple[set[scores.Unit], set[scores.Unit]]],
    score: Callable[[np.ndarray], float],
) -> _Statistic:
    """A score of the units, expected and predicted, that are read: they are counted by label."""

    def of_example(labels: np.ndarray | None, outputs: _Outputs) -> Counter:
        expected, predicted = read(labels, outputs)
        kinds = enumerate((expected & predicted, predicted, expected))
        return Counter((label, kind) for kind, units in kinds for label, *_ in units)

    def merged(first: Counter, second: Counter) -> Counter:
        first.update(second)
        return first

    def score_of(counts: Counter) -> float:
        labels = sorted({label for label, _ in counts})
        return score(np.array([[counts[label, kind] for label in labels] for kind in range(3)], np.float64))

    return _Statistic(of_example, merged, score_of)


def _of_regression_rows(name: str) -> _Statistic:
    """A score of `RegressionRows`, of pairs that are kept."""

    def of_example(labels: np.ndarray | None, outputs: _Outputs) -> list[np.ndarray]:
        return [_numbers(labels, outputs)]

    def merged(first: list[np.ndarray], second: list[np.ndarray]) -> list[np.ndarray]:
        first.extend(second)
        return first

    def score(pairs: list[np.ndarray]) -> float:
        return scores.RegressionRows(*np.stack(pairs, axis=1)).scores().get(name, math.nan)

    return _Statistic(of_example, merged, score)


class _Moments(NamedTuple):
    """What Pearson's correlation is computed from: of expected and predicted numbers, float64 [2, targets] each.

    Attributes:
        texts: Their number.
        means: Of the numbers.
        squares: Sums of squares of the deviations from the means.
        products: Sums of products of the deviations of both, [targets].
    """

    texts: int
    means: np.ndarray
    squares: np.ndarray
    products: np.ndarray

    @classmethod
    def of_example(cls, labels: np.ndarray | None, outputs: _Outputs) -> "_Moments":
        numbers = _numbers(labels, outputs)
        return cls(1, numbers, np.zeros_like(numbers), np.zeros_like(numbers[0]))

    def merged(self, other: "_Moments") -> "_Moments":
        """Those of the texts of both, as Chan, Golub and LeVeque 1983 add them up: no digits are cancelled.

        Where all numbers are the same, their squares are 0 to the last digit.
        """
        texts = self.texts + other.texts
        apart = other.means - self.means
        weight = self.texts * other.texts / texts
        return _Moments(
            texts,
            self.means + apart * (other.texts / texts),
            self.squares + other.squares + apart * apart * weight,
            self.products + other.products + apart[0] * apart[1] * weight,
        )

    def lowest_correlation(self) -> float:
        return min(scores.correlation(*of_target) for of_target in zip(*self.squares, self.products, strict=True))


class _RankedTexts(NamedTuple):
    """Labels and probabilities, float32 [classes], of texts."""

    classes: list[str]
    labels: list[list[str]]
    probabilities: list[np.ndarray]

    @classmethod
    def of_example(cls, labels: np.ndarray | None, outputs: _Outputs) -> "_RankedTexts":
        classes, probabilities = _classes(outputs)
        return cls(classes, [_strings(labels)], [probabilities])

    def merged(self, other: "_RankedTexts") -> "_RankedTexts":
        self.labels.extend(other.labels)
        self.probabilities.extend(other.probabilities)
        return self

    def area(self) -> float:
        there = scores.memberships(self.labels, self.classes)
        return scores.area_under_curve(np.stack(self.probabilities), there)


def _micro(counts: np.ndarray, measure: Measure) -> float:
    return getattr(scores.micro(counts), measure)


def _right_texts(labels: np.ndarray | None, outputs: _Outputs) -> tuple[float, int]:
    expected, predicted = _best_label(labels, outputs)
    return float(expected == predicted), 1


def _best_label(labels: np.ndarray | None, outputs: _Outputs) -> tuple[set[scores.Unit], set[scores.Unit]]:
    """The label of a text, and its most probable class."""
    classes, probabilities = _classes(outputs)
    return scores.text_units([_label(labels)]), scores.text_units([classes[probabilities.argmax()]])


def _labels_given(
    labels: np.ndarray | None, outputs: _Outputs, threshold: float
) -> tuple[set[scores.Unit], set[scores.Unit]]:
    """The labels of a text, and the classes whose probabilities reach the threshold."""
    classes, probabilities = _classes(outputs)
    given = scores.labels_from(probabilities, classes, threshold)
    return scores.text_units(_strings(labels)), scores.text_units(given)


def _calibration_of_best(labels: np.ndarray | None, outputs: _Outputs) -> np.ndarray:
    classes, probabilities = _classes(outputs)
    best = probabilities.argmax()
    right = classes[best] == _label(labels)
    return scores.calibration_sums(np.array([[probabilities[best]]], np.float64), np.array([[right]]))[0]


def _calibration_of_all(labels: np.ndarray | None, outputs: _Outputs) -> np.ndarray:
    classes, probabilities = _classes(outputs)
    there = scores.memberships([_strings(labels)], classes)
    return scores.calibration_sums(probabilities[np.newaxis].astype(np.float64), there)[0]


def _absolute_errors(labels: np.ndarray | None, outputs: _Outputs) -> tuple[float, int]:
    errors = np.subtract(*_numbers(labels, outputs))
    return np.abs(errors).sum(), errors.size


def _squared_errors(labels: np.ndarray | None, outputs: _Outputs) -> tuple[float, int]:
    errors = np.subtract(*_numbers(labels, outputs))
    return np.square(errors).sum(), errors.size


def _right_words(labels: np.ndarray | None, outputs: _Outputs) -> tuple[float, int]:
    expected, predicted = _tags(labels, outputs)
    return scores.right_words(expected, predicted), len(expected)


def _entities(labels: np.ndarray | None, outputs: _Outputs) -> tuple[set[scores.Unit], set[scores.Unit]]:
    expected, predicted = _tags(labels, outputs)
    return scores.entity_units(expected), scores.entity_units(predicted)


def _word_tags(
    labels: np.ndarray | None, outputs: _Outputs, separator: str
) -> tuple[set[scores.Unit], set[scores.Unit]]:
    """The tags of the words of a sentence; that of a word without any is ""."""
    expected, predicted = (
        scores.word_units([joined.split(separator) if joined else [] for joined in tags])
        for tags in _tags(labels, outputs)
    )
    return expected, predicted


def _strings(values: np.ndarray | None) -> list[str]:
    """Strings of an example, however many.

    TFMA gives a feature of any number of strings as an array of bytes, one without values as an empty array of floats,
    or as None where no example of the batch has any.
    """
    return [] if values is None else [value.decode() for value in np.ravel(values)]


def _label(labels: np.ndarray | None) -> str:
    given = _strings(labels)
    if len(given) != 1:
        raise ValueError(f"an example has {len(given)} labels, expected 1: {', '.join(given)}")
    return given[0]


def _output(outputs: _Outputs, name: str) -> np.ndarray:
    if not isinstance(outputs, Mapping) or name not in outputs:
        given = ", ".join(sorted(outputs)) if isinstance(outputs, Mapping) else "a single unnamed output"
        raise ValueError(f"the model's outputs are {given}, expected {name} among them")
    return outputs[name]


def _classes(outputs: _Outputs) -> tuple[list[str], np.ndarray]:
    """The classes of a classifier and their probabilities, float32 [classes]."""
    classes = _strings(_output(outputs, signatures.ALL_CLASSES))
    probabilities = np.ravel(_output(outputs, signatures.PROBABILITIES))
    scores.finite(probabilities[np.newaxis], (1, len(classes)), signatures.PROBABILITIES)
    return classes, probabilities


def _numbers(labels: np.ndarray | None, outputs: _Outputs) -> np.ndarray:
    """What is expected and what is predicted, float64 [2, targets]."""
    expected = np.empty(0) if labels is None else np.ravel(labels)
    predicted = np.ravel(_output(outputs, signatures.SCORES))
    return np.concatenate(
        [
            scores.finite(expected[np.newaxis], (1, predicted.size), "expected numbers"),
            scores.finite(predicted[np.newaxis], (1, predicted.size), signatures.SCORES),
        ]
    )


def _tags(labels: np.ndarray | None, outputs: _Outputs) -> tuple[list[str], list[str]]:
    """Tags of the words of a sentence, expected and predicted: these without what pads them to the batch's longest."""
    (words,) = np.ravel(_output(outputs, signatures.WORD_COUNTS))
    expected, predicted = _strings(labels), _strings(_output(outputs, signatures.TAGS))[:words]
    scores.require_same_words([expected], [predicted])
    return expected, predicted
