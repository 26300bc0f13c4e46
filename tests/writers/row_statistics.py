"""Computes TFDV's statistics of a few rows at once, without Beam, and writes them as StatisticsGen does."""

from pathlib import Path

import pyarrow as pa
import tensorflow_data_validation as tfdv
from tensorflow_data_validation.statistics.stats_impl import generate_statistics_in_memory
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.types import artifact_utils, standard_artifacts

from ulmfit_tfx.components.pushed_statistics import QUANTILES


def compute_statistics(rows: list[dict]) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Statistics of rows by feature: texts, bytes, numbers, or lists of one of these. A row may lack a feature."""
    columns = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        columns[name] = pa.array([each if isinstance(each, list | None) else [each] for each in values])
    options = tfdv.StatsOptions(num_quantiles_histogram_buckets=QUANTILES)
    return generate_statistics_in_memory(pa.RecordBatch.from_pydict(columns), options)


def statistics_artifact(folder: Path, rows: list[dict]) -> standard_artifacts.ExampleStatistics:
    """StatisticsGen's artifact of rows, all of which are the train split."""
    (folder / "Split-train").mkdir(parents=True)
    (folder / "Split-train" / "FeatureStats.pb").write_bytes(compute_statistics(rows).SerializeToString())
    artifact = standard_artifacts.ExampleStatistics()
    artifact.uri, artifact.split_names = str(folder), artifact_utils.encode_split_names(["train"])
    artifact.set_string_custom_property("tfx_version", "1.16.0")  # TFX reads older ones from another file
    return artifact
