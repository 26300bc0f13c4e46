"""The scores of classifiers as TFMA metrics, see `ulmfit_tfx.evaluation.metrics`."""

import functools
from typing import NamedTuple

import numpy as np
import tensorflow_model_analysis as tfma

from ulmfit_tfx.evaluation.eval_config import metric_config, rows_eval_config
from ulmfit_tfx.evaluation.metrics import Outputs, ScoreMetric, Statistic, f1_of, mean_of, output, strings
from ulmfit_tfx.evaluation.scores import (
    Unit,
    area_under_curve,
    calibration_error,
    calibration_sums,
    finite,
    macro_f1,
    micro_f1,
)
from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.tasks.classification.config import ClassificationPipelineConfig
from ulmfit_tfx.tasks.classification.scores import labels_from, memberships, text_units
from ulmfit_tfx.trainer_modules.serving import signature_names as signatures


def eval_config(config: ClassificationPipelineConfig) -> tfma.EvalConfig:
    """The scores of a classifier with their bounds, see `rows_eval_config`."""
    if config.data.is_multi_label:
        given = {"threshold": config.classification.given_from}
        metrics = {
            "micro_f1": metric_config(MicroF1, "micro_f1", **given),
            "macro_f1": metric_config(MacroF1, "macro_f1", **given),
            "auc": metric_config(AreaUnderCurve, "auc"),
            "calibration_error": metric_config(CalibrationError, "calibration_error", several_labels=True),
        }
        return rows_eval_config(metrics, feature_names.LABELS, config.data.sliced_by, config.evaluation)
    kinds = {
        "accuracy": Accuracy,
        "auc": AreaUnderCurve,
        "macro_f1": MacroF1,
        "calibration_error": CalibrationError,
    }
    metrics = {name: metric_config(kind, name) for name, kind in kinds.items()}
    return rows_eval_config(metrics, feature_names.LABEL, config.data.sliced_by, config.evaluation)


class Accuracy(ScoreMetric):
    """Share of the texts whose most probable class is their label. Classification with one label a text."""

    def __init__(self, name: str = "accuracy"):
        """Describes the metric."""
        super().__init__(mean_of(_right_texts), name)


class AreaUnderCurve(ScoreMetric):
    """Area under the ROC curve of each class against the rest, the mean over the classes that it is defined for.

    Classification, with one label a text or several. Exact, so it keeps labels and probabilities: some 330 bytes a
    text, and 4 a class.
    """

    def __init__(self, name: str = "auc"):
        """Describes the metric."""
        super().__init__(Statistic(_RankedTexts.of_example, _RankedTexts.merged, _RankedTexts.area), name)


class CalibrationError(ScoreMetric):
    """Expected calibration error: of the most probable class, or of all classes where there are several labels."""

    def __init__(self, name: str = "calibration_error", several_labels: bool = False):
        """Describes the metric.

        Args:
            name: In TFMA's results.
            several_labels: Whether a text has any number of labels.
        """
        read = _calibration_of_all if several_labels else _calibration_of_best
        super().__init__(Statistic(read, np.add, calibration_error), name, several_labels=several_labels)


class MacroF1(ScoreMetric):
    """F1, the mean over the labels that are expected or predicted. Classification."""

    def __init__(self, name: str = "macro_f1", threshold: float | None = None):
        """Describes the metric.

        Args:
            name: In TFMA's results.
            threshold: Probability from which a label is given. None: a text has one label, the most probable class.
        """
        read = _best_label if threshold is None else functools.partial(_labels_given, threshold=threshold)
        super().__init__(f1_of(read, macro_f1), name, threshold=threshold)


class MicroF1(ScoreMetric):
    """F1 of all labels together. Classification with several labels a text."""

    def __init__(self, threshold: float, name: str = "micro_f1"):
        """Describes the metric.

        Args:
            threshold: Probability from which a label is given.
            name: In TFMA's results.
        """
        read = functools.partial(_labels_given, threshold=threshold)
        super().__init__(f1_of(read, micro_f1), name, threshold=threshold)


class _RankedTexts(NamedTuple):
    """Labels and probabilities, float32 [classes], of texts."""

    classes: list[str]
    labels: list[list[str]]
    probabilities: list[np.ndarray]

    @classmethod
    def of_example(cls, labels: np.ndarray | None, outputs: Outputs) -> "_RankedTexts":
        classes, probabilities = _classes(outputs)
        return cls(classes, [strings(labels)], [probabilities])

    def merged(self, other: "_RankedTexts") -> "_RankedTexts":
        self.labels.extend(other.labels)
        self.probabilities.extend(other.probabilities)
        return self

    def area(self) -> float:
        there = memberships(self.labels, self.classes)
        return area_under_curve(np.stack(self.probabilities), there)


def _right_texts(labels: np.ndarray | None, outputs: Outputs) -> tuple[float, int]:
    expected, predicted = _best_label(labels, outputs)
    return float(expected == predicted), 1


def _best_label(labels: np.ndarray | None, outputs: Outputs) -> tuple[set[Unit], set[Unit]]:
    """The label of a text, and its most probable class."""
    classes, probabilities = _classes(outputs)
    return text_units([_label(labels)]), text_units([classes[probabilities.argmax()]])


def _labels_given(labels: np.ndarray | None, outputs: Outputs, threshold: float) -> tuple[set[Unit], set[Unit]]:
    """The labels of a text, and the classes whose probabilities reach the threshold."""
    classes, probabilities = _classes(outputs)
    given = labels_from(probabilities, classes, threshold)
    return text_units(strings(labels)), text_units(given)


def _calibration_of_best(labels: np.ndarray | None, outputs: Outputs) -> np.ndarray:
    classes, probabilities = _classes(outputs)
    best = probabilities.argmax()
    right = classes[best] == _label(labels)
    return calibration_sums(np.array([[probabilities[best]]], np.float64), np.array([[right]]))[0]


def _calibration_of_all(labels: np.ndarray | None, outputs: Outputs) -> np.ndarray:
    classes, probabilities = _classes(outputs)
    there = memberships([strings(labels)], classes)
    return calibration_sums(probabilities[np.newaxis].astype(np.float64), there)[0]


def _label(labels: np.ndarray | None) -> str:
    given = strings(labels)
    if len(given) != 1:
        raise ValueError(f"an example has {len(given)} labels, expected 1: {', '.join(given)}")
    return given[0]


def _classes(outputs: Outputs) -> tuple[list[str], np.ndarray]:
    """The classes of a classifier and their probabilities, float32 [classes]."""
    classes = strings(output(outputs, signatures.ALL_CLASSES))
    probabilities = np.ravel(output(outputs, signatures.PROBABILITIES))
    finite(probabilities[np.newaxis], (1, len(classes)), signatures.PROBABILITIES)
    return classes, probabilities
