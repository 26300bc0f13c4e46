"""What the TFMA evaluation configurations of all tasks share."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow_model_analysis as tfma

from ulmfit_tfx.evaluation.catalogue import lower_is_better
from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.schemas.config.evaluation import EvaluationConfig
from ulmfit_tfx.schemas.config.user_code import MetricConfig
from ulmfit_tfx.trainer_modules.serving.signature_names import SERVING_EXAMPLES

_ROUNDING = 1e-9
"""Added to the allowed drop: a difference that is just allowed can come out a little larger, as 0.8 - 0.81 does."""


def rows_eval_config(
    metrics: Mapping[str, tfma.MetricConfig],
    label_key: str,
    slice_columns: Sequence[str],
    evaluation: EvaluationConfig,
) -> tfma.EvalConfig:
    """The scores of a model of labelled rows with their bounds.

    Bounds hold on all rows together: on the value those of `evaluation.thresholds`, on the difference from a baseline
    those of `evaluation.allowed_drop`. TFX leaves out the latter where there is no baseline.

    Slices are by length bucket, by label where a row has one, and by each of the columns.

    Args:
        metrics: By the names of their thresholds.
        label_key: The feature with the expected answers.
        slice_columns: As `data.slice_columns`.
        evaluation: The bounds.
    """
    for name, metric in metrics.items():
        _bound(metric, name, evaluation)
    sliced_by = [feature_names.LENGTH_BUCKET]
    sliced_by += [feature_names.LABEL] if label_key == feature_names.LABEL else []
    sliced_by += [feature_names.SLICE_PREFIX + column for column in slice_columns]
    return eval_config([*metrics.values()], sliced_by, label_key)


def eval_config(
    metrics: Sequence[tfma.MetricConfig], sliced_by: Sequence[str], label_key: str | None = None
) -> tfma.EvalConfig:
    """Metrics on all examples together, and by the values of each of some features.

    Args:
        metrics: Beside which the examples are counted.
        sliced_by: Names of features.
        label_key: The feature with the expected answers; None where there are none.
    """
    slices = [tfma.SlicingSpec(), *(tfma.SlicingSpec(feature_keys=[feature]) for feature in sliced_by)]
    return tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(signature_name=SERVING_EXAMPLES, label_key=label_key)],
        slicing_specs=slices,
        metrics_specs=[tfma.MetricsSpec(metrics=[*metrics, tfma.MetricConfig(class_name="ExampleCount")])],
    )


def with_user_metrics(config: tfma.EvalConfig, metrics: Sequence[MetricConfig]) -> tfma.EvalConfig:
    """The same with a user's own metrics beside the others, their bounds on all rows together."""
    extended = tfma.EvalConfig()
    extended.CopyFrom(config)
    for configured in metrics:
        module, _, name = configured.class_.rpartition(".")
        metric = tfma.MetricConfig(class_name=name, module=module, config=json.dumps(configured.config))
        if configured.at_least is not None or configured.at_most is not None:
            bounds = overall_threshold(metric).value_threshold
            if configured.at_least is not None:
                bounds.lower_bound.value = configured.at_least
            if configured.at_most is not None:
                bounds.upper_bound.value = configured.at_most
        extended.metrics_specs[0].metrics.append(metric)
    return extended


def metric_config(kind: type[tfma.metrics.Metric], name: str, **arguments: Any) -> tfma.MetricConfig:
    """A metric of ours.

    Args:
        kind: Its class.
        name: In TFMA's results.
        arguments: Of the class, beside its name.
    """
    return tfma.MetricConfig(
        class_name=kind.__name__, module=kind.__module__, config=json.dumps({"name": name, **arguments})
    )


def overall_threshold(metric: tfma.MetricConfig) -> tfma.MetricThreshold:
    """Bounds on all rows together, to fill in; those of `MetricConfig.threshold` are held against each slice too."""
    return metric.per_slice_thresholds.add(slicing_specs=[tfma.SlicingSpec()]).threshold


def _bound(metric: tfma.MetricConfig, name: str, evaluation: EvaluationConfig) -> None:
    """Gives a metric the bounds of its name."""
    lowest_is_best = lower_is_better(name)
    if (threshold := getattr(evaluation.thresholds, name)) is not None:
        bounds = overall_threshold(metric).value_threshold
        (bounds.upper_bound if lowest_is_best else bounds.lower_bound).value = threshold
    if (allowed := evaluation.allowed_drop.get(name)) is not None:
        change = overall_threshold(metric).change_threshold
        directions = tfma.MetricDirection
        change.direction = directions.LOWER_IS_BETTER if lowest_is_best else directions.HIGHER_IS_BETTER
        change.absolute.value = (allowed + _ROUNDING) * (1 if lowest_is_best else -1)
