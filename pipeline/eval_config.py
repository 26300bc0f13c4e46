"""TFMA evaluation configurations, one a task."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow_model_analysis as tfma

from ulmfit_tfx.components.perplexity_gate.metrics import Perplexity, Unit, metric_name
from ulmfit_tfx.evaluation import metrics
from ulmfit_tfx.evaluation.scores import lower_is_better
from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.schemas.config import Direction, EvaluationConfig, PipelineConfig
from ulmfit_tfx.trainer_modules.serving.signature_names import (
    NEGATIVE_LOG_LIKELIHOOD,
    NEGATIVE_LOG_LIKELIHOOD_BACKWARD,
    SERVING_EXAMPLES,
)

_ROUNDING = 1e-9
"""Added to the allowed drop: a difference that is just allowed can come out a little larger, as 0.8 - 0.81 does."""


def task_eval_config(config: PipelineConfig) -> tfma.EvalConfig:
    """The scores of a task model, by their names in `ThresholdsConfig`, with their bounds.

    Bounds hold on all rows together: on the value those of `evaluation.thresholds`, on the difference from a baseline
    those of `evaluation.allowed_drop`. TFX leaves out the latter where there is no baseline.

    Slices are by length bucket, by label where a row has one, and by each of `slice_columns`.

    Args:
        config: Of a task with rows, not of a language model.
    """
    assert config.data is not None  # the configuration has seen to it
    evaluated = {"classification": _classification, "regression": _regression, "tagging": _tagging}[config.task](config)
    sliced_by = [feature_names.LENGTH_BUCKET]
    sliced_by += [feature_names.LABEL] if evaluated.label_key == feature_names.LABEL else []
    sliced_by += [feature_names.SLICE_PREFIX + column for column in config.data.slice_columns]
    bounded = [_bounded(metric, name, config.evaluation) for name, metric in evaluated.metrics.items()]
    return tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(signature_name=SERVING_EXAMPLES, label_key=evaluated.label_key)],
        slicing_specs=_slices(*sliced_by),
        metrics_specs=[tfma.MetricsSpec(metrics=[*bounded, tfma.MetricConfig(class_name="ExampleCount")])],
    )


class _Evaluated(NamedTuple):
    """The feature with the expected answers, and the metrics by the names of their thresholds."""

    label_key: str
    metrics: dict[str, tfma.MetricConfig]


def _classification(config: PipelineConfig) -> _Evaluated:
    assert config.data is not None
    if not config.data.is_multi_label:
        names = {
            "accuracy": metrics.Accuracy,
            "auc": metrics.AreaUnderCurve,
            "macro_f1": metrics.MacroF1,
            "calibration_error": metrics.CalibrationError,
        }
        return _Evaluated(feature_names.LABEL, {name: _metric(kind, name) for name, kind in names.items()})
    given = {"threshold": config.classification.threshold}
    return _Evaluated(
        feature_names.LABELS,
        {
            "micro_f1": _metric(metrics.MicroF1, "micro_f1", **given),
            "macro_f1": _metric(metrics.MacroF1, "macro_f1", **given),
            "auc": _metric(metrics.AreaUnderCurve, "auc"),
            "calibration_error": _metric(metrics.CalibrationError, "calibration_error", several_labels=True),
        },
    )


def _regression(config: PipelineConfig) -> _Evaluated:
    names = {
        "mae": metrics.MAE,
        "rmse": metrics.RMSE,
        "pearson": metrics.Pearson,
        "spearman": metrics.Spearman,
        "one_minus_wmae": metrics.OneMinusWMAE,
    }
    return _Evaluated(feature_names.TARGETS, {name: _metric(kind, name) for name, kind in names.items()})


def _tagging(config: PipelineConfig) -> _Evaluated:
    if (separator := config.tagging.tag_separator) is not None:
        names = {"micro_f1": metrics.TagMicroF1, "macro_f1": metrics.TagMacroF1}
        found = {name: _metric(kind, name, separator=separator) for name, kind in names.items()}
        return _Evaluated(feature_names.TAGS, found)
    found = {"accuracy": _metric(metrics.TagAccuracy, "accuracy")}
    if config.tagging.scheme != "plain":
        measures = ("precision", "recall", "f1")
        found |= {f"entity_{name}": _metric(metrics.EntityScores, f"entity_{name}", measure=name) for name in measures}
    return _Evaluated(feature_names.TAGS, found)


def _metric(kind: type[tfma.metrics.Metric], name: str, **arguments: Any) -> tfma.MetricConfig:
    return tfma.MetricConfig(
        class_name=kind.__name__, module=kind.__module__, config=json.dumps({"name": name, **arguments})
    )


def _bounded(metric: tfma.MetricConfig, name: str, evaluation: EvaluationConfig) -> tfma.MetricConfig:
    """The metric with the bounds of that name."""
    lowest_is_best = lower_is_better(name)
    if (threshold := getattr(evaluation.thresholds, name)) is not None:
        bounds = _overall_threshold(metric).value_threshold
        (bounds.upper_bound if lowest_is_best else bounds.lower_bound).value = threshold
    if (allowed := evaluation.allowed_drop.get(name)) is not None:
        change = _overall_threshold(metric).change_threshold
        directions = tfma.MetricDirection
        change.direction = directions.LOWER_IS_BETTER if lowest_is_best else directions.HIGHER_IS_BETTER
        change.absolute.value = (allowed + _ROUNDING) * (1 if lowest_is_best else -1)
    return metric


def language_model_eval_config(config: EvaluationConfig, directions: Sequence[Direction]) -> tfma.EvalConfig:
    """Perplexity a piece and a word of each direction, overall and by length bucket.

    Each direction has to meet the thresholds, on all texts together.

    Args:
        config: Its thresholds `perplexity` and `word_perplexity` are upper bounds.
        directions: Of the language models that are exported together.
    """
    thresholds: dict[Unit, float | None] = {
        "piece": config.thresholds.perplexity,
        "word": config.thresholds.word_perplexity,
    }
    perplexities = [
        _perplexity(per, direction, _likelihood(direction, directions), threshold)
        for direction in directions
        for per, threshold in thresholds.items()
    ]
    return tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(signature_name=SERVING_EXAMPLES)],
        slicing_specs=_slices(feature_names.LENGTH_BUCKET),
        metrics_specs=[tfma.MetricsSpec(metrics=[*perplexities, tfma.MetricConfig(class_name="ExampleCount")])],
    )


def _slices(*features: str) -> list[tfma.SlicingSpec]:
    """All rows together, and by the values of each feature."""
    return [tfma.SlicingSpec(), *(tfma.SlicingSpec(feature_keys=[feature]) for feature in features)]


def _perplexity(per: Unit, direction: Direction, likelihood: str, threshold: float | None) -> tfma.MetricConfig:
    metric = _metric(Perplexity, metric_name(per, direction), per=per, likelihood=likelihood)
    if threshold is not None:
        _overall_threshold(metric).value_threshold.upper_bound.value = threshold
    return metric


def _overall_threshold(metric: tfma.MetricConfig) -> tfma.MetricThreshold:
    """Bounds on all rows together; those of `MetricConfig.threshold` are held against each slice too."""
    return metric.per_slice_thresholds.add(slicing_specs=[tfma.SlicingSpec()]).threshold


def _likelihood(direction: Direction, directions: Sequence[Direction]) -> str:
    """The output that holds a direction's likelihood: a backward model has its own name beside a forward one only."""
    beside_forward = direction == "backward" and "forward" in directions
    return NEGATIVE_LOG_LIKELIHOOD_BACKWARD if beside_forward else NEGATIVE_LOG_LIKELIHOOD
