"""Finds the statistics of a model's training texts, and how these were ingested."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.errors import ConfigError, DataError
from ulmfit_tfx.schemas.remote_paths import is_remote
from ulmfit_tfx.transforms.length_buckets import bucket_names
from ulmfit_tfx.transforms.splitting import TRAIN

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import statistics_pb2

_FILE = "FeatureStats.pb"
_STATISTICS, _EXAMPLES = "ExampleStatistics", "Examples"


@dataclasses.dataclass(frozen=True)
class TrainingStatistics:
    """What is known of the texts that a model was trained on.

    Attributes:
        path: File of the statistics.
        statistics: Of the train split, as StatisticsGen computes them.
        ingestion: How the texts came to be examples.
    """

    path: str
    statistics: "statistics_pb2.DatasetFeatureStatistics"
    ingestion: Ingestion

    def feature(self, name: str) -> "statistics_pb2.FeatureNameStatistics":
        """Statistics of a feature.

        Raises:
            DataError: There is no such feature.
        """
        return feature_of(self.statistics, name, self.path)


def feature_of(
    statistics: "statistics_pb2.DatasetFeatureStatistics", name: str, path: str
) -> "statistics_pb2.FeatureNameStatistics":
    """Statistics of a feature.

    Raises:
        DataError: There is no such feature. The path is named.
    """
    for feature in statistics.features:
        if feature.path.step[:] == [name]:
            return feature
    raise DataError(f"{path}: has no feature '{name}', so these are no statistics of labelled rows of ulmfit-tfx.")


def training_statistics(path: str, config: PipelineConfig | None) -> TrainingStatistics:
    """Reads the statistics of the train split.

    Args:
        path: Folder of a run, whose newest statistics are taken; or a `Statistics` artifact, its folder `Split-train`,
            or the file in it, local or remote.
        config: Of the run. None: for a folder of a run, what ML Metadata says of it.

    Raises:
        ConfigError: There are no statistics, or nothing says how the texts were ingested.
        DataError: The statistics cannot be read, or are not of texts that were ingested so.
    """
    database = RunFolder(Path(path)).metadata if not is_remote(path) else None
    ingestion = None if config is None or config.data is None else Ingestion(config.data, config.tags)
    if database is not None and database.is_file():
        artifact, recorded = _newest(str(database), path)
        return _checked(_file(artifact), ingestion or recorded)
    file = _file(path)
    if ingestion is None:
        raise ConfigError(
            f"{path}: is no folder of a run, so nothing says there by which data.length_buckets texts were counted. "
            "Pass the configuration of the run (--config), or the folder of the run (runs/NAME)."
        )
    return _checked(file, ingestion)


def _file(path: str) -> str:
    import tensorflow as tf

    folder = path.rstrip("/")
    candidates = [folder, f"{folder}/{_FILE}", f"{folder}/Split-{TRAIN}/{_FILE}"]
    for candidate in candidates:
        if tf.io.gfile.exists(candidate) and not tf.io.gfile.isdir(candidate):
            return candidate
    raise ConfigError(
        f"{path}: has no statistics, expected the folder of a run (runs/NAME), a StatisticsGen artifact or its "
        f"Split-{TRAIN}/{_FILE}."
    )


def _newest(database: str, root: str) -> tuple[str, Ingestion]:
    """URI of the newest statistics of a run, and how the examples that they are of were ingested."""
    from ml_metadata.proto import metadata_store_pb2
    from tfx.orchestration import metadata

    with metadata.Metadata(metadata.sqlite_metadata_connection_config(database)) as handle:
        store = handle.store
        live = [
            artifact
            for artifact in store.get_artifacts_by_type(_STATISTICS)
            if artifact.state == metadata_store_pb2.Artifact.LIVE
        ]
        if not live:
            raise ConfigError(f"{root}: has no statistics: no run of it has passed StatisticsGen.")
        newest = max(live, key=lambda artifact: artifact.id)
        [made] = _executions(store, [newest.id], metadata_store_pb2.Event.OUTPUT)[:1]
        inputs = [
            event.artifact_id
            for event in store.get_events_by_execution_ids([made])
            if event.type == metadata_store_pb2.Event.INPUT
        ]
        [ingest] = store.get_executions_by_id(_executions(store, inputs, metadata_store_pb2.Event.OUTPUT)[:1])
        return newest.uri, Ingestion.from_json(ingest.custom_properties[specs.CONFIG].string_value)


def _executions(store: Any, artifacts: list[int], event_type: int) -> list[int]:
    events = store.get_events_by_artifact_ids(artifacts)
    return [event.execution_id for event in events if event.type == event_type]


def _checked(file: str, ingestion: Ingestion) -> TrainingStatistics:
    import tensorflow as tf
    import tensorflow_data_validation as tfdv
    from google.protobuf.message import DecodeError

    try:
        [statistics] = tfdv.load_stats_binary(file).datasets
    except (DecodeError, ValueError, tf.errors.OpError) as error:
        raise DataError(f"{file}: cannot be read as TFDV's statistics: {error}.") from None
    found = TrainingStatistics(file, statistics, ingestion)
    bounds = ingestion.source.length_buckets
    buckets = found.feature(feature_names.LENGTH_BUCKET).string_stats.rank_histogram.buckets
    unknown = sorted({bucket.label for bucket in buckets} - set(bucket_names(bounds)))
    if unknown:
        raise DataError(
            f"{file}: has texts of '{unknown[0]}', which data.length_buckets {list(bounds)} does not give. Is it the "
            "configuration of that run?"
        )
    return found
