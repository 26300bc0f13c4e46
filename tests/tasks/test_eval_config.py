"""Which metrics, bounds and slices each task is evaluated by."""

import json

import pytest
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types

from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.tasks import labelled_task

ROWS = {"path": "rows.tsv", "format": "tsv"}
ONE_LABEL = {"data": ROWS}
SEVERAL_LABELS = {"data": ROWS | {"label_separator": ","}, "classification": {"threshold": 0.3}}
REGRESSION = {"task": "regression", "data": ROWS | {"target_columns": ["stars"]}}
ENTITIES = {"task": "tagging", "data": {"path": "rows.conll", "format": "conll"}}
PLAIN_TAGS = {**ENTITIES, "tagging": {"scheme": "plain"}}
SEVERAL_TAGS = {**ENTITIES, "tagging": {"scheme": "plain", "tag_separator": "|"}}


def config_of(sections, **evaluation):
    config = PipelineConfig(name="rows", **sections, evaluation=evaluation)
    return labelled_task(config.task).eval_config(config)


def metrics_of(config):
    """By name in the results."""
    return {json.loads(metric.config)["name"]: metric for metric in config.metrics_specs[0].metrics if metric.config}


@pytest.mark.parametrize(
    ("sections", "label_key", "names"),
    [
        (ONE_LABEL, "label", {"accuracy", "auc", "macro_f1", "calibration_error"}),
        (SEVERAL_LABELS, "labels", {"micro_f1", "macro_f1", "auc", "calibration_error"}),
        (REGRESSION, "targets", {"mae", "rmse", "pearson", "spearman", "one_minus_wmae"}),
        (ENTITIES, "tags", {"accuracy", "entity_precision", "entity_recall", "entity_f1"}),
        (PLAIN_TAGS, "tags", {"accuracy"}),
        (SEVERAL_TAGS, "tags", {"micro_f1", "macro_f1"}),
    ],
    ids=["one-label", "several-labels", "regression", "entities", "plain-tags", "several-tags"],
)
def test_a_task_has_the_scores_that_say_something_of_it(sections, label_key, names):
    config = config_of(sections)
    assert set(metrics_of(config)) == names
    assert [metric.class_name for metric in config.metrics_specs[0].metrics if not metric.config] == ["ExampleCount"]
    [model] = config.model_specs
    assert (model.signature_name, model.label_key, model.name) == ("serving_examples", label_key, "")
    # TFMA would take its own metric in place of ours.
    assert not {metric.class_name for metric in metrics_of(config).values()} & set(metric_types.registered_metrics())


def bounds_of(metric):
    """Of all rows together: lowest and highest value, lowest and highest difference; None for what is not bounded."""
    found = dict.fromkeys(("lowest", "highest", "lowest_change", "highest_change"))
    assert not metric.HasField("threshold")  # it would be held against each slice
    for bound in metric.per_slice_thresholds:
        assert list(bound.slicing_specs) == [tfma.SlicingSpec()]
        value, change = bound.threshold.value_threshold, bound.threshold.change_threshold
        if value.HasField("lower_bound"):
            found["lowest"] = value.lower_bound.value
        if value.HasField("upper_bound"):
            found["highest"] = value.upper_bound.value
        if change.HasField("absolute"):
            better = tfma.MetricDirection.Name(change.direction)
            end = {"HIGHER_IS_BETTER": "lowest_change", "LOWER_IS_BETTER": "highest_change"}[better]
            found[end] = pytest.approx(change.absolute.value, abs=1e-6)
    return tuple(found.values())


def test_thresholds_and_allowed_drops_become_bounds_on_all_rows_together():
    config = config_of(
        ONE_LABEL,
        thresholds={"accuracy": 0.7, "calibration_error": 0.1},
        allowed_drop={"auc": 0.02, "calibration_error": 0.03, "macro_f1": 0.0},
    )
    assert {name: bounds_of(metric) for name, metric in metrics_of(config).items()} == {
        "accuracy": (0.7, None, None, None),
        "auc": (None, None, -0.02, None),
        "macro_f1": (None, None, 0.0, None),
        "calibration_error": (None, 0.1, None, 0.03),
    }


def test_errors_have_upper_bounds_and_correlations_lower_ones():
    names = ("mae", "rmse", "pearson", "spearman", "one_minus_wmae")
    config = config_of(REGRESSION, thresholds=dict.fromkeys(names, 0.5), allowed_drop=dict.fromkeys(names, 0.1))
    highest, lowest = (None, 0.5, None, 0.1), (0.5, None, -0.1, None)
    found = {name: bounds_of(metric) for name, metric in metrics_of(config).items()}
    assert found == dict(zip(names, (highest, highest, lowest, lowest, lowest), strict=True))


def test_without_thresholds_nothing_is_bounded():
    assert all(bounds_of(metric) == (None,) * 4 for metric in metrics_of(config_of(ENTITIES)).values())


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        (ONE_LABEL, [[], ["length_bucket"], ["label"]]),
        (SEVERAL_LABELS, [[], ["length_bucket"]]),
        (ENTITIES, [[], ["length_bucket"]]),
        (
            {"data": ROWS | {"slice_columns": ["language", "source"]}},
            [[], ["length_bucket"], ["label"], ["slice_language"], ["slice_source"]],
        ),
    ],
)
def test_slices_are_by_length_by_label_where_there_is_one_and_by_the_columns(sections, expected):
    assert [list(spec.feature_keys) for spec in config_of(sections).slicing_specs] == expected
