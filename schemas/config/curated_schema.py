"""The curated TFDV schema of a task, with what follows from its configuration."""

from collections.abc import Sequence

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.schemas.config.sources.labelled import LabelledSourceConfig, LabelListConfig
from ulmfit_tfx.schemas.config.sources.labelled_texts import (
    ClassifiedTextsConfig,
    LabelledTextsConfig,
    NumberedTextsConfig,
)
from ulmfit_tfx.schemas.config.sources.source import SourceConfig


def curated_schema(
    of_task: str, source: SourceConfig, length_buckets: Sequence[str] = (), tag_separator: str | None = None
) -> str:
    """The schema of what CorpusIngest writes, as pbtxt.

    The features of `target_columns`, `weight_column` and `slice_columns` are added: TFDV takes a feature that a schema
    lacks for an anomaly. So are the values that a feature may have, where the configuration lists them.

    Args:
        of_task: The features that all such sources of the task have, as pbtxt, see `ulmfit_tfx.tasks.task.Task.schema`.
        source: Where they come from.
        length_buckets: Names of the length buckets; none: any name is allowed.
        tag_separator: What stands between several tags of a word, where a word may have several: these are one value.
    """
    schema = text_format.Parse(of_task, schema_pb2.Schema())
    if length_buckets:
        _allow_only(schema, feature_names.LENGTH_BUCKET, length_buckets)
    if isinstance(source, LabelledSourceConfig):
        _add_columns(schema, source)
    if isinstance(source, LabelListConfig) and source.labels is not None and tag_separator is None:
        shown = source.label_names if isinstance(source, ClassifiedTextsConfig) else {}
        names = list(dict.fromkeys(shown.get(label, label) for label in source.labels))
        if isinstance(source, ClassifiedTextsConfig) and source.rare_labels == "group":
            names = list(dict.fromkeys([*names, source.rare_label_name]))
        for feature in (feature_names.LABEL, feature_names.LABELS, feature_names.TAGS):
            _allow_only(schema, feature, names)
    return text_format.MessageToString(schema, as_utf8=True)


def with_teacher(schema: str) -> str:
    """A schema, as pbtxt, with the features that TransferMerge adds. Not all rows have them."""
    parsed = text_format.Parse(schema, schema_pb2.Schema())
    parsed.feature.add(name=feature_names.TEACHER_PROBABILITIES, type=schema_pb2.FLOAT)
    parsed.feature.add(name=feature_names.IS_TRANSFER, type=schema_pb2.INT)
    return text_format.MessageToString(parsed, as_utf8=True)


def _add_columns(schema: schema_pb2.Schema, source: LabelledSourceConfig) -> None:
    if isinstance(source, NumberedTextsConfig):
        _add_numbers(schema, feature_names.TARGETS, len(source.target_columns))
    if isinstance(source, LabelledTextsConfig) and source.weight_column is not None:
        _add_numbers(schema, feature_names.WEIGHT, 1).min = 0
    for column in dict.fromkeys(source.sliced_by):
        feature = _add(schema, feature_names.SLICE_PREFIX + column, schema_pb2.BYTES, 1)
        feature.string_domain.SetInParent()
        feature.distribution_constraints.min_domain_mass = 0


def _add_numbers(schema: schema_pb2.Schema, name: str, size: int) -> schema_pb2.FloatDomain:
    domain = _add(schema, name, schema_pb2.FLOAT, size).float_domain
    domain.disallow_nan = domain.disallow_inf = True
    return domain


def _add(schema: schema_pb2.Schema, name: str, kind: schema_pb2.FeatureType, size: int) -> schema_pb2.Feature:
    feature = schema.feature.add(name=name, type=kind)
    feature.presence.min_fraction, feature.presence.min_count = 1.0, 1
    feature.shape.dim.add(size=size)
    return feature


def _allow_only(schema: schema_pb2.Schema, name: str, values: Sequence[str]) -> None:
    """Lists the values of a feature, where the schema has it."""
    for feature in schema.feature:
        if feature.name == name:
            feature.string_domain.value.extend(values)
            feature.ClearField("distribution_constraints")
            if name == feature_names.LABELS:
                feature.value_count.max = len(values)
