"""TFMA evaluation configurations, one a task."""

import json
from collections.abc import Sequence

import tensorflow_model_analysis as tfma

from ulmfit_tfx.components.perplexity_gate.metrics import Perplexity, Unit, metric_name
from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.schemas.config import Direction, EvaluationConfig
from ulmfit_tfx.schemas.signatures import (
    NEGATIVE_LOG_LIKELIHOOD,
    NEGATIVE_LOG_LIKELIHOOD_BACKWARD,
    SERVING_EXAMPLES,
)

ACCURACY = "accuracy"
AUC = "auc"


def classification_eval_config(config: EvaluationConfig) -> tfma.EvalConfig:
    """Accuracy and AUC with their thresholds, overall and by length bucket.

    AUC is binarized without class ids: `ClassEvaluator` fills them in.
    """
    auc = tfma.MetricsSpec(
        metrics=[_metric("AUC", AUC, config.thresholds.auc)],
        binarize=tfma.BinarizationOptions(),
        aggregate=tfma.AggregationOptions(macro_average=True),
    )
    auc.binarize.SetInParent()
    return tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(signature_name=SERVING_EXAMPLES, label_key=feature_names.LABEL)],
        slicing_specs=_overall_and_by_length(),
        metrics_specs=[
            tfma.MetricsSpec(
                metrics=[
                    _metric("SparseCategoricalAccuracy", ACCURACY, config.thresholds.accuracy),
                    tfma.MetricConfig(class_name="ExampleCount"),
                ]
            ),
            auc,
        ],
    )


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
    metrics = [
        _perplexity(per, direction, _likelihood(direction, directions), threshold)
        for direction in directions
        for per, threshold in thresholds.items()
    ]
    return tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(signature_name=SERVING_EXAMPLES)],
        slicing_specs=_overall_and_by_length(),
        metrics_specs=[tfma.MetricsSpec(metrics=[*metrics, tfma.MetricConfig(class_name="ExampleCount")])],
    )


def _overall_and_by_length() -> list[tfma.SlicingSpec]:
    return [tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=[feature_names.LENGTH_BUCKET])]


def _metric(class_name: str, name: str, threshold: float | None) -> tfma.MetricConfig:
    metric = tfma.MetricConfig(class_name=class_name, config=f'{{"name": "{name}"}}')
    if threshold is not None:
        _overall_threshold(metric).lower_bound.value = threshold
    return metric


def _perplexity(per: Unit, direction: Direction, likelihood: str, threshold: float | None) -> tfma.MetricConfig:
    arguments = {"name": metric_name(per, direction), "per": per, "likelihood": likelihood}
    metric = tfma.MetricConfig(
        class_name=Perplexity.__name__, module=Perplexity.__module__, config=json.dumps(arguments)
    )
    if threshold is not None:
        _overall_threshold(metric).upper_bound.value = threshold
    return metric


def _overall_threshold(metric: tfma.MetricConfig) -> tfma.GenericValueThreshold:
    """Bounds on all texts together; those of `MetricConfig.threshold` are held against each length bucket too."""
    return metric.per_slice_thresholds.add(slicing_specs=[tfma.SlicingSpec()]).threshold.value_threshold


def _likelihood(direction: Direction, directions: Sequence[Direction]) -> str:
    """The output that holds a direction's likelihood: a backward model has its own name beside a forward one only."""
    beside_forward = direction == "backward" and "forward" in directions
    return NEGATIVE_LOG_LIKELIHOOD_BACKWARD if beside_forward else NEGATIVE_LOG_LIKELIHOOD
