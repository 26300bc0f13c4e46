"""Curated schemas: which features they have, and what they let TFDV find."""

import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from row_statistics import compute_statistics
from sources import labelled_texts
from tensorflow_metadata.proto.v0 import schema_pb2

from ulmfit_tfx.schemas.config.curated_schema import curated_schema
from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.tasks import task_named
from ulmfit_tfx.transforms.length_buckets import bucket_names


def schema_of(task, tag_separator=None, **config):
    kind = {"language_model": text_source, "tagging": tagged_words}.get(task, labelled_texts)
    source = kind(**({"path": "rows", "format": "csv"} | config))
    return text_format.Parse(
        curated_schema(task_named(task).schema(source), source, bucket_names(source.length_buckets), tag_separator),
        schema_pb2.Schema(),
    )


def features_of(task, **config):
    return {
        feature.name: (schema_pb2.FeatureType.Name(feature.type), [dim.size for dim in feature.shape.dim])
        for feature in schema_of(task, **config).feature
    }


TEXT = {"text": ("BYTES", [1]), "length_bucket": ("BYTES", [1])}


@pytest.mark.parametrize(
    ("task", "config", "expected"),
    [
        ("language_model", {}, {}),
        ("classification", {}, {"label": ("BYTES", [1])}),
        ("classification", {"label_separator": ";"}, {"labels": ("BYTES", [])}),
        ("regression", {"target_columns": ["a", "b"]}, {"targets": ("FLOAT", [2])}),
        ("tagging", {"format": "conll"}, {"words": ("BYTES", []), "tags": ("BYTES", [])}),
    ],
)
def test_features_are_those_of_the_task(task, config, expected):
    assert features_of(task, **config) == TEXT | expected


def test_columns_of_weights_and_slices_are_features():
    config = {"weight_column": "w", "slice_columns": ["lang", 'a "b"\\ł\x01']}
    added = {"weight": ("FLOAT", [1]), "slice_lang": ("BYTES", [1]), 'slice_a "b"\\ł\x01': ("BYTES", [1])}
    assert features_of("classification", **config) == TEXT | {"label": ("BYTES", [1])} | added


TASKS = {
    "language_model": {},
    "classification": {"weight_column": "w", "slice_columns": ["lang"]},
    "listed": {"labels": ["0", "1"], "label_names": {"0": "good", "1": "bad"}},
    "multi_label": {"label_separator": ";"},
    "listed_multi_label": {"label_separator": ";", "labels": ["good", "bad"]},
    "regression": {"target_columns": ["a", "b"]},
    "tagging": {"format": "conll"},
    "listed_tagging": {"format": "conll", "labels": ["O", "B-PER"]},
}
NAMES = {"listed": "classification", "multi_label": "classification", "listed_multi_label": "classification"}
NAMES |= {"listed_tagging": "tagging"}
PLAIN = {"text": "żółć", "length_bucket": "000-050 words"}
ROW = {
    "language_model": PLAIN,
    "classification": PLAIN | {"label": "good", "weight": 0.0, "slice_lang": ""},
    "listed": PLAIN | {"label": "good"},
    "multi_label": PLAIN | {"labels": ["good", "bad"]},
    "listed_multi_label": PLAIN | {"labels": ["good", "bad"]},
    "regression": PLAIN | {"targets": [-1.5, 3e38]},
    "tagging": PLAIN | {"words": ["a", "b"], "tags": ["O", "B-PER"]},
    "listed_tagging": PLAIN | {"words": ["a", "b"], "tags": ["O", "B-PER"]},
}


def anomalies_of(kind, *rows, **config):
    """Descriptions of the anomalies of a good row and these, by feature."""
    schema = schema_of(NAMES.get(kind, kind), **TASKS[kind] | config)
    found = tfdv.validate_statistics(compute_statistics([ROW[kind], *rows]), schema).anomaly_info
    return {feature: anomaly.description for feature, anomaly in found.items()}


@pytest.mark.parametrize("kind", TASKS)
def test_rows_as_ingestion_writes_them_have_no_anomaly(kind):
    assert not anomalies_of(kind)


def test_row_without_labels_has_no_anomaly():
    for kind in ("multi_label", "listed_multi_label"):
        assert not anomalies_of(kind, ROW[kind] | {"labels": []})


@pytest.mark.parametrize("kind", TASKS)
def test_feature_that_a_row_lacks_is_an_anomaly(kind):
    for name in ROW[kind]:
        row = {other: value for other, value in ROW[kind].items() if other != name}
        assert "fewer examples than expected" in anomalies_of(kind, row)[name]


@pytest.mark.parametrize("kind", TASKS)
def test_feature_that_no_schema_knows_is_an_anomaly(kind):
    assert anomalies_of(kind, ROW[kind] | {"stars": "5"}).keys() == {"stars"}


@pytest.mark.parametrize("kind", TASKS)
def test_bytes_that_are_no_utf8_are_an_anomaly_wherever_texts_are_expected(kind):
    for name, value in ROW[kind].items():
        if name not in ("weight", "targets"):
            bad = [b"\xff\xfe", b"\xff\xfe"] if isinstance(value, list) else b"\xff\xfe"
            rows = [{key: _as_bytes(each) for key, each in row.items()} for row in (ROW[kind], ROW[kind] | {name: bad})]
            schema = schema_of(NAMES.get(kind, kind), **TASKS[kind])
            found = tfdv.validate_statistics(compute_statistics(rows), schema).anomaly_info
            assert found.keys() == {name}
            assert "not valid UTF8" in found[name].description


def _as_bytes(value):
    if isinstance(value, list):
        return [_as_bytes(each) for each in value]
    return value.encode() if isinstance(value, str) else value


@pytest.mark.parametrize(
    ("kind", "wrong", "said"),
    [
        ("classification", {"text": ["a", "b"]}, "value lengths vary"),
        ("classification", {"label": ["good", "bad"]}, "value lengths vary"),
        ("classification", {"label": []}, "value lengths vary"),
        ("classification", {"length_bucket": "0-50 words"}, "missing from the schema: 0-50 words"),
        ("classification", {"weight": -0.5}, "Unexpectedly low values: -0.5<0"),
        ("classification", {"weight": float("nan")}, "NaN"),
        ("classification", {"weight": float("inf")}, "Inf"),
        ("classification", {"slice_lang": ["pl", "en"]}, "value lengths vary"),
        ("listed", {"label": "plain"}, "missing from the schema: plain"),
        ("listed", {"label": "0"}, "missing from the schema: 0"),
        ("listed_multi_label", {"labels": ["good", "plain"]}, "missing from the schema: plain"),
        ("listed_multi_label", {"labels": ["good", "bad", "good"]}, "more values than expected"),
        ("regression", {"targets": [1.0]}, "value lengths vary"),
        ("regression", {"targets": [1.0, float("nan")]}, "NaN"),
        ("regression", {"targets": [1.0, -float("inf")]}, "Inf"),
        ("tagging", {"words": []}, "fewer values than expected"),
        ("tagging", {"tags": []}, "fewer values than expected"),
        ("listed_tagging", {"tags": ["O", "B-LOC"]}, "missing from the schema: B-LOC"),
    ],
)
def test_value_that_does_not_fit_is_an_anomaly(kind, wrong, said):
    found = anomalies_of(kind, ROW[kind] | wrong)
    assert found.keys() == wrong.keys()
    assert said in next(iter(found.values()))


def test_any_label_is_allowed_where_none_is_listed():
    assert not anomalies_of("classification", ROW["classification"] | {"label": "anything"})


def test_several_tags_of_a_word_are_not_held_against_the_list():
    joined = ROW["listed_tagging"] | {"tags": ["O|B-PER", ""]}
    assert not anomalies_of("listed_tagging", joined, tag_separator="|")
