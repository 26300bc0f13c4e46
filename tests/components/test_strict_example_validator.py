"""StrictExampleValidator, run as TFX runs it, on statistics that TFDV computes of a few rows."""

import doctest
import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from row_statistics import statistics_artifact
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import channel_utils, standard_artifacts

from ulmfit_tfx.components.pushed_statistics import (
    STATISTICS_FILE,
    made_by,
    training_statistics,
    write_statistics,
)
from ulmfit_tfx.components.reports.drift import DriftReport
from ulmfit_tfx.components.strict_example_validator import drift
from ulmfit_tfx.components.strict_example_validator.component import StrictExampleValidator
from ulmfit_tfx.components.strict_example_validator.drift import _in_ranges, _tenths
from ulmfit_tfx.components.strict_example_validator.executor import Executor
from ulmfit_tfx.pipeline.surroundings import looks_outside
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.errors import DataError

SCHEMA = """
feature { name: "text" type: BYTES presence { min_fraction: 1.0 } }
feature { name: "label" type: BYTES }
feature { name: "labels" type: BYTES }
feature { name: "length_bucket" type: BYTES }
feature { name: "targets" type: FLOAT }
feature { name: "slice_lang" type: BYTES }
"""
NUMBERS = itertools.count()


def config_of(**data):
    own = {"path": "rows.tsv", "format": "tsv"} | data
    task = "regression" if "target_columns" in data else "classification"
    return PipelineConfig.model_validate({"name": "moods", "task": task, "data": own}).model_dump(mode="json")


@pytest.fixture
def statistics(tmp_path):
    """Makes StatisticsGen's artifact of rows."""
    return lambda rows: statistics_artifact(tmp_path / f"statistics-{next(NUMBERS)}", rows)


@pytest.fixture
def serve(tmp_path, statistics):
    """Puts a version of a model that was trained on some rows into service; returns the folder of the versions."""

    def push(rows, version="1", **data):
        saved_model = tmp_path / "serving" / version
        saved_model.mkdir(parents=True)
        (saved_model / "saved_model.pb").write_bytes(b"")
        (saved_model / "assets.extra").mkdir()
        write_statistics(str(saved_model), training_statistics(statistics(rows), made_by(config_of(**data))))
        return tmp_path / "serving"

    return push


def component(served="", data=None, **options):
    channels = {
        "statistics": channel_utils.as_channel([standard_artifacts.ExampleStatistics()]),
        "schema": channel_utils.as_channel([standard_artifacts.Schema()]),
    }
    options = {"drift_threshold": 0.1} | options
    return StrictExampleValidator(**channels, made_by=made_by(config_of(**data or {})), served=served, **options)


@pytest.fixture
def validate(tmp_path, statistics):
    """Runs the component; returns its artifact. `looked_up` says at run time where models are served."""

    def run(rows, served="", schema=SCHEMA, looked_up="", **options):
        schema_artifact, anomalies = standard_artifacts.Schema(), standard_artifacts.ExampleAnomalies()
        folder = tmp_path / f"validated-{next(NUMBERS)}"
        (folder / "schema").mkdir(parents=True)
        (folder / "anomalies").mkdir()
        (folder / "schema" / "schema.pbtxt").write_text(schema)
        schema_artifact.uri, anomalies.uri = str(folder / "schema"), str(folder / "anomalies")
        properties = dict(component(served, **options).exec_properties)
        if looked_up:
            properties["served"] = str(looked_up)
        inputs = {"statistics": [statistics(rows)], "schema": [schema_artifact]}
        output = Executor().Do(inputs, {"anomalies": [anomalies]}, properties)
        published = output.output_artifacts["anomalies"].artifacts[0].custom_properties
        assert published["drift"].string_value == anomalies.get_string_custom_property("drift")
        return anomalies

    return run


def report_of(anomalies):
    with open(f"{anomalies.uri}/drift.json") as file:
        return DriftReport.from_json(file.read())


def moods(good, bad, **more):
    """Rows of two labels, whose texts and length buckets are all alike."""
    labels = ["good"] * good + ["bad"] * bad
    return [{"text": "a text", "length_bucket": "00-50 words", "label": label} | more for label in labels]


def test_first_run_has_nothing_to_compare_with_and_says_so(validate):
    anomalies = validate(moods(30, 70))
    assert report_of(anomalies).reason == "no model is in service that brings the statistics of its training along"
    assert anomalies.get_string_custom_property("drift") == f"not measured: {report_of(anomalies).reason}"


def test_equal_rows_do_not_drift(validate, serve):
    report = report_of(validate(moods(30, 70), f"{serve(moods(300, 700))}/1"))
    assert {each.feature: each.distance for each in report.features} == {"label": 0, "length_bucket": 0}
    assert not report.drifted
    assert report.rows == {"before": 1000, "now": 100}
    assert list(report.sentences()) == [
        "none from the rows of the model in service: label 0.000 of 0.1, length_bucket 0.000 of 0.1"
    ]


def test_largest_difference_of_a_labels_share_is_the_drift(validate, serve):
    before = moods(30, 70)
    now = moods(90, 60) + [row | {"label": "plain"} for row in moods(50, 0)]
    # good 30/100 -> 90/200, bad 70/100 -> 60/200, plain 0 -> 50/200
    anomalies = validate(now, f"{serve(before)}/1")
    [found] = report_of(anomalies).drifted
    assert (found.feature, found.measure, found.threshold) == ("label", "L-infinity", 0.1)
    assert found.distance == pytest.approx(0.4)
    assert found.moved == {
        "bad": pytest.approx((0.7, 0.3)),
        "plain": pytest.approx((0.0, 0.25)),
        "good": pytest.approx((0.3, 0.45)),
    }
    assert list(found.moved) == ["bad", "plain", "good"]
    assert anomalies.get_string_custom_property("drift").splitlines() == [
        "label: L-infinity 0.400, more than 0.1: bad 70.0% -> 30.0%, plain 0.0% -> 25.0%, good 30.0% -> 45.0%",
        "none else: length_bucket 0.000 of 0.1",
    ]


def test_shares_are_of_all_values_where_a_row_has_several(validate, serve):
    before = [{"text": "a", "labels": labels} for labels in (["x", "y"], ["x"], [], ["x"])]
    now = [{"text": "a", "labels": labels} for labels in (["y"], ["x", "y"], [])]
    [found] = report_of(validate(now, f"{serve(before)}/1")).features
    assert found.moved == {"x": pytest.approx((3 / 4, 1 / 3)), "y": pytest.approx((1 / 4, 2 / 3))}
    assert found.distance == pytest.approx(3 / 4 - 1 / 3)


def divergence(before, now):
    """Jensen-Shannon divergence in bits, between shares in the ranges that tenths of the earlier numbers are."""
    bounds = np.unique(np.quantile(before, np.arange(1, 11) / 10))
    shares = [
        np.bincount(np.searchsorted(bounds, numbers), minlength=len(bounds) + 1) / len(numbers)
        for numbers in (before, now)
    ]
    middle = (shares[0] + shares[1]) / 2
    parts = [np.sum(each[each > 0] * np.log2(each[each > 0] / middle[each > 0])) for each in shares]
    return sum(parts) / 2


def ratings(numbers):
    return [{"text": "a", "targets": [float(number)]} for number in numbers]


def test_numbers_drift_by_the_jensen_shannon_divergence_of_tenths(validate, serve):
    rng = np.random.default_rng(0)
    before, now = rng.normal(size=2000), rng.normal(0.9, 1.2, size=1500)
    [found] = report_of(validate(ratings(now), f"{serve(ratings(before))}/1")).features
    assert found.measure == "Jensen-Shannon divergence"
    assert found.distance == pytest.approx(divergence(before, now), abs=0.01)  # quantiles have a resolution
    assert found.is_drift
    assert next(iter(found.moved)).startswith("over ")


def test_single_new_extreme_is_no_drift(validate, serve):
    """TFDV's own bins move with the extremes: it would say 0.45."""
    before = [number % 5 + 1 for number in range(1000)]
    [found] = report_of(validate(ratings([*before, 0]), f"{serve(ratings(before))}/1")).features
    assert found.distance < 0.01


def test_common_number_is_not_hidden_among_rare_ones(validate, serve):
    before, now = [0] * 50 + [1] * 950, [0] * 600 + [1] * 400
    [found] = report_of(validate(ratings(now), f"{serve(ratings(before))}/1")).features
    assert found.moved["up to 0"] == pytest.approx((0.05, 0.6), abs=0.02)


@given(st.dictionaries(st.integers(-50, 50).map(float), st.floats(0.1, 100), min_size=1))
def test_ranges_of_numbers_hold_everything_and_at_most_a_tenth_or_one_number_more(points):
    total = sum(points.values())
    bounds = _tenths(points)
    ranges = _in_ranges(points, bounds)
    assert bounds == sorted(set(bounds))
    assert bounds[-1] == max(points)
    assert sum(ranges.values()) == pytest.approx(total)
    for low, high in itertools.pairwise([float("-inf"), *bounds]):
        within = [weight for number, weight in points.items() if low < number <= high]
        common = [weight for weight in within if weight * 10 >= total]
        assert len(within) == 1 or not common or sum(within) - sum(common) == 0
        assert len(within) == 1 or sum(within) <= 0.2 * total + 1e-6


def test_length_buckets_that_were_bounded_otherwise_are_not_compared(validate, serve):
    served = serve(moods(50, 50), length_buckets=[50, 200])
    now = [row | {"length_bucket": "00-99 words"} for row in moods(50, 50)]
    report = report_of(validate(now, f"{served}/1", data={"length_buckets": [99]}))
    assert report.not_compared == {"length_bucket": "data.length_buckets was [50, 200] and is [99]"}
    assert not report.drifted
    assert "length_bucket is not compared: data.length_buckets was [50, 200] and is [99]" in report.sentences()


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({}, {"labels": ["good", "bad"]}, 'data.labels was null and is ["good", "bad"]'),
        ({"label_column": "stars"}, {}, 'data.label_column was "stars" and is "label"'),
        ({"label_file": "/home/me/old.txt"}, {"label_file": "/mnt/new.txt"}, 'was "old.txt" and is "new.txt"'),
        ({}, {"label_names": {"0": "good"}}, 'data.label_names was {} and is {"0": "good"}'),
    ],
)
def test_labels_that_the_configuration_changed_are_not_compared(validate, serve, before, now, said):
    report = report_of(validate(moods(90, 10), f"{serve(moods(10, 90), **before)}/1", data=now))
    assert said in report.not_compared["label"]
    assert [each.feature for each in report.features] == ["length_bucket"]


def test_path_of_a_label_file_may_change(validate, serve):
    served = serve(moods(50, 50), label_file="/home/me/labels.txt")
    report = report_of(validate(moods(50, 50), f"{served}/1", data={"label_file": "/mnt/labels.txt"}))
    assert not report.not_compared


def test_feature_that_one_run_lacks_is_not_compared(validate, serve):
    served = serve(moods(50, 50, slice_lang="pl"))
    without = report_of(validate(moods(50, 50), f"{served}/1"))
    assert without.not_compared == {"slice_lang": "the rows of the model in service had it, and these do not"}
    served = serve(moods(50, 50), version="2")
    added = report_of(validate(moods(50, 50, slice_lang="pl"), f"{served}/2"))
    assert added.not_compared == {"slice_lang": "the rows of the model in service did not have it"}


def test_values_of_slices_are_compared(validate, serve):
    served = serve(moods(50, 50, slice_lang="pl"))
    report = report_of(validate(moods(50, 50, slice_lang="en"), f"{served}/1"))
    assert [(each.feature, each.distance) for each in report.drifted] == [("slice_lang", 1.0)]


def test_lengths_of_texts_are_told(validate, serve):
    report = report_of(validate(moods(50, 50, text="żółć"), f"{serve(moods(5, 5, text='abc'))}/1"))
    assert report.mean_text_bytes == {"before": 3.0, "now": 8.0}


def test_drift_stops_the_run_where_it_is_told_to(validate, serve):
    served = f"{serve(moods(30, 70))}/1"
    with pytest.raises(
        DataError, match=r"fail_on_drift is true:\n  label: L-infinity 0\.500, .* good 30\.0% -> 80\.0%"
    ):
        validate(moods(80, 20), served, fail_on_drift=True)
    validate(moods(80, 20), served)
    validate(moods(30, 70), served, fail_on_drift=True)


def test_anomaly_is_said_before_drift(validate, serve):
    rows = [{name: value for name, value in row.items() if name != "text"} for row in moods(80, 20)]
    with pytest.raises(DataError, match=r"does not fit the schema:\n  train: feature 'text': Column dropped"):
        validate(rows, f"{serve(moods(30, 70))}/1", fail_on_drift=True)


def test_threshold_is_the_largest_distance_that_is_no_drift(validate, serve):
    served = f"{serve(moods(50, 50))}/1"
    assert not report_of(validate(moods(75, 25), served, drift_threshold=0.25)).drifted
    assert report_of(validate(moods(76, 24), served, drift_threshold=0.25)).drifted


def test_drift_comparator_of_the_schema_goes_before_the_threshold(validate, serve):
    own = 'feature { name: "label" type: BYTES drift_comparator { jensen_shannon_divergence { threshold: 0.9 } } }'
    schema = SCHEMA.replace('feature { name: "label" type: BYTES }', own)
    report = report_of(validate(moods(100, 0), f"{serve(moods(50, 50))}/1", schema=schema))
    measured = {each.feature: (each.measure, each.threshold) for each in report.features}
    assert measured == {"label": ("Jensen-Shannon divergence", 0.9), "length_bucket": ("L-infinity", 0.1)}
    divergence = (np.log2(1 / 0.75) + 0.5 * np.log2(0.5 / 0.75) + 0.5 * np.log2(0.5 / 0.25)) / 2  # of 1, 0 and 1/2, 1/2
    assert report.features[0].distance == pytest.approx(divergence)


def test_without_a_threshold_nothing_is_measured(tmp_path, statistics, serve):
    properties = dict(component(f"{serve(moods(30, 70))}/1", drift_threshold=None).exec_properties)
    schema, anomalies = standard_artifacts.Schema(), standard_artifacts.ExampleAnomalies()
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema" / "schema.pbtxt").write_text(SCHEMA)
    schema.uri, anomalies.uri = str(tmp_path / "schema"), str(tmp_path)
    inputs = {"statistics": [statistics(moods(80, 20))], "schema": [schema]}
    Executor().Do(inputs, {"anomalies": [anomalies]}, properties)
    assert not (tmp_path / "drift.json").exists()
    assert not anomalies.has_custom_property("drift")


def test_in_a_cluster_the_version_in_service_is_looked_up_when_the_step_runs(validate, serve):
    serve(moods(10, 90))
    versions = serve(moods(50, 50), version="2")
    assert report_of(validate(moods(50, 50), looked_up=versions)).features[0].distance == 0
    assert report_of(validate(moods(50, 50), looked_up=versions / "1")).features[0].distance == pytest.approx(0.4)
    assert report_of(validate(moods(50, 50), looked_up=versions / "nowhere")).reason.startswith(
        "no model is in service"
    )


@pytest.mark.parametrize(
    ("content", "what"), [("datasets {", "damaged"), ("dataset { }", "damaged"), ("\ufeff", "damaged"), ("# ", "empty")]
)
def test_damaged_statistics_stop_nothing(validate, serve, content, what):
    served = serve(moods(30, 70)) / "1"
    (served / STATISTICS_FILE).write_text(content)
    report = report_of(validate(moods(30, 70), str(served), fail_on_drift=True))
    assert report.reason.startswith(f"the statistics that the model in service brings along are {what}")


def test_model_without_statistics_is_nothing_to_compare_with(validate, serve):
    served = serve(moods(30, 70)) / "1"
    (served / STATISTICS_FILE).unlink()
    assert report_of(validate(moods(30, 70), str(served))).reason.startswith("no model is in service that brings")


def test_cache_goes_by_the_statistics_and_not_by_the_version(serve):
    serve(moods(30, 70))
    serve(moods(30, 70), version="2")
    versions = serve(moods(31, 69), version="3")
    first, second, third = (dict(component(f"{versions}/{number}").exec_properties) for number in (1, 2, 3))
    assert first == second
    assert first != third
    assert not looks_outside(component(f"{versions}/1"))


def test_what_is_looked_up_at_run_time_is_never_cached():
    assert looks_outside(component(RuntimeParameter("baseline", ptype=str, default="")))


def test_examples_in_docstrings_hold():
    result = doctest.testmod(drift)
    assert result.attempted > 0
    assert result.failed == 0


def test_report_is_read_as_it_was_written(validate, serve):
    report = report_of(validate(moods(80, 20), f"{serve(moods(30, 70), length_buckets=[7])}/1"))
    assert DriftReport.from_json(report.to_json()) == report
    assert json.loads(report.to_json())["not_compared"].keys() == {"length_bucket"}
