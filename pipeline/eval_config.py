"""TFMA evaluation configurations, one a task."""

import tensorflow_model_analysis as tfma

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.schemas.config import EvaluationConfig
from ulmfit_tfx.schemas.signatures import SERVING_EXAMPLES

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
        slicing_specs=[tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=[feature_names.LENGTH_BUCKET])],
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


def _metric(class_name: str, name: str, threshold: float | None) -> tfma.MetricConfig:
    metric = tfma.MetricConfig(class_name=class_name, config=f'{{"name": "{name}"}}')
    if threshold is not None:
        metric.threshold.value_threshold.lower_bound.value = threshold
    return metric
