import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from ulmfit_tfx.schemas.curated_schema import curated_schema
from ulmfit_tfx.schemas.source_config import LabelledSourceConfig, SourceConfig


def features_of(task, **config):
    kind = SourceConfig if task == "language_model" else LabelledSourceConfig
    text = curated_schema(task, kind(**({"path": "rows", "format": "csv"} | config)))
    schema = text_format.Parse(text, schema_pb2.Schema())
    return {
        feature.name: (schema_pb2.FeatureType.Name(feature.type), [dim.size for dim in feature.shape.dim])
        for feature in schema.feature
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
    config = {"weight_column": "w", "slice_columns": ["lang", 'a "b"\\ł']}
    added = {"weight": ("FLOAT", [1]), "slice_lang": ("BYTES", [1]), 'slice_a "b"\\ł': ("BYTES", [1])}
    assert features_of("classification", **config) == TEXT | {"label": ("BYTES", [1])} | added
