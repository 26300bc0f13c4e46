"""Statistics of a model's training rows that go out with it, so that a later run can say how its own rows differ.

They are TFDV's, of the train split, less what a reader could tell a text by: of texts there is the mean length alone,
and words of a tagger are left out. What values are made by, such as the bounds of the length buckets, stands beside
them as TFDV's custom statistics, by the names of the configuration.
"""

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx import types
from tfx.components.statistics_gen import stats_artifact_utils

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.transforms.splitting import TRAIN

STATISTICS_FILE = "assets.extra/training_statistics.pbtxt"
"""In a SavedModel: a `DatasetFeatureStatisticsList`, `tfdv.load_stats_text` reads it."""
QUANTILES = 100
"""How many buckets of equal count the statistics of numbers need."""

_LABELS = ("data.label_column", "data.labels", "data.label_file", "data.label_names")
_MADE_BY: Mapping[str, tuple[str, ...]] = {
    feature_names.LENGTH_BUCKET: ("data.length_buckets", "tagging.words"),
    feature_names.LABEL: _LABELS,
    feature_names.LABELS: (*_LABELS, "data.label_separator"),
    feature_names.TARGETS: ("data.target_columns",),
    feature_names.WEIGHT: ("data.weight_column",),
    feature_names.TAGS: (
        *("data.format", "data.tag_column", "data.tag_field", "data.tags_field", "data.spans_field"),
        *("data.label_map", "data.tag_names", "data.labels", "data.label_file"),
        *("data.label_names", "data.span_label_column", "data.span_label"),
        *("tagging.scheme", "tagging.tag_separator", "tagging.words"),
    ),
}
"""Fields of the configuration that say what a feature's values mean: where one changes, they are others."""
_PATHS = {"data.label_file", "data.label_map"}


def is_compared(feature: str) -> bool:
    """Whether two runs' values of a feature can be compared; of texts and words almost each is another."""
    return feature in _MADE_BY or feature.startswith(feature_names.SLICE_PREFIX)


def made_by(config: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """What the values of features are made by.

    Args:
        config: As `PipelineConfig.model_dump(mode="json")` gives it, of a task with labelled rows.

    Returns:
        By feature, the fields that matter to it, by name, as JSON. Of a path there is the last part.
    """
    return {
        feature: {name: _value(config, name) for name in names if _is_said(config, name)}
        for feature, names in _MADE_BY.items()
    }


def _is_said(config: Mapping[str, Any], name: str) -> bool:
    section, _, field = name.partition(".")
    return field in config.get(section, {})


def _value(config: Mapping[str, Any], name: str) -> str:
    section, _, field = name.partition(".")
    value = config[section][field]
    if name in _PATHS and value is not None:
        value = PurePosixPath(value).name
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def training_statistics(
    artifact: types.Artifact, fields: Mapping[str, Mapping[str, str]]
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """What may go out of the statistics of the train split.

    Args:
        artifact: Of StatisticsGen.
        fields: As `made_by` gives them.
    """
    [whole] = stats_artifact_utils.load_statistics(artifact, TRAIN).proto().datasets
    kept = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = kept.datasets.add(num_examples=whole.num_examples)
    for feature in whole.features:
        [name] = feature.path.step
        if is_compared(name):
            dataset.features.append(_kept(feature))
            for field, value in fields.get(name, {}).items():
                dataset.features[-1].custom_stats.add(name=field, str=value)
        elif name == feature_names.TEXT:
            text = dataset.features.add(path=feature.path, type=feature.type)
            text.string_stats.avg_length = feature.string_stats.avg_length
    return kept


def _kept(feature: statistics_pb2.FeatureNameStatistics) -> statistics_pb2.FeatureNameStatistics:
    """Statistics of a feature without histograms that are not compared."""
    kept = statistics_pb2.FeatureNameStatistics()
    kept.CopyFrom(feature)
    statistics = kept.num_stats if kept.HasField("num_stats") else kept.string_stats
    statistics.common_stats.ClearField("num_values_histogram")
    if kept.HasField("num_stats"):
        quantiles = [each for each in feature.num_stats.histograms if each.type == statistics_pb2.Histogram.QUANTILES]
        kept.num_stats.ClearField("histograms")
        kept.num_stats.histograms.extend(quantiles)
    return kept


def write_statistics(saved_model: str, statistics: statistics_pb2.DatasetFeatureStatisticsList) -> None:
    """Puts statistics into a SavedModel, local or remote."""
    with tf.io.gfile.GFile(f"{saved_model}/{STATISTICS_FILE}", "w") as file:
        file.write(text_format.MessageToString(statistics, as_utf8=True))


def read_statistics(saved_model: str) -> str:
    """What `write_statistics` wrote, "" where there is none.

    Args:
        saved_model: Local or remote; "" for no model.
    """
    path = f"{saved_model}/{STATISTICS_FILE}"
    if not saved_model or not tf.io.gfile.exists(path):
        return ""
    with tf.io.gfile.GFile(path) as file:
        return file.read()
