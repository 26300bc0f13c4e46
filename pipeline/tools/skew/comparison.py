"""Compares the texts that a model is asked about with those that it was trained on, by TFDV."""

import dataclasses
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from tempfile import TemporaryDirectory

import numpy as np
import tensorflow as tf
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.row_encoding import serialized_examples
from ulmfit_tfx.pipeline.tools.skew.request_logs import LoggedText
from ulmfit_tfx.pipeline.tools.skew.training_statistics import TrainingStatistics, feature_of
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.feature_names import LENGTH_BUCKET, TEXT
from ulmfit_tfx.transforms.length_buckets import bucket_names, length_bucket
from ulmfit_tfx.transforms.records.record import Refusal, Row
from ulmfit_tfx.transforms.word_splitting import split_words

_SPLIT_TOGETHER = 1024
_WRITTEN_TOGETHER = 1000
_REFUSALS_KEPT = 20
_DRAWS = 2000
_RARE = 0.99


@dataclasses.dataclass(frozen=True)
class SkewReport:
    """What a comparison found.

    Attributes:
        statistics: File of the training statistics.
        threshold: Largest distance that is no skew.
        distance: Largest difference of a length bucket's shares (L-infinity), as TFDV computes it.
        by_chance: Distance that as many texts exceed in one of a hundred cases if they are drawn from the training's.
        anomaly: TFDV's description of the skew, None where there is none.
        texts: Texts compared: `training` and `serving`.
        mean_bytes: Of a text, likewise.
        shares: Of the texts, by length bucket, likewise.
        refused: Records of the logs that have no text, by reason.
        refusals: The first of them.
    """

    statistics: str
    threshold: float
    distance: float
    by_chance: float
    anomaly: str | None
    texts: Mapping[str, int]
    mean_bytes: Mapping[str, float]
    shares: Mapping[str, Mapping[str, float]]
    refused: Mapping[str, int]
    refusals: Sequence[Refusal]

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False, allow_nan=False)


def find_skew(training: TrainingStatistics, log: Iterable[LoggedText | Refusal], threshold: float) -> SkewReport:
    """Compares logged texts with the training's, by the length buckets of the training.

    Args:
        training: Of the model that was asked.
        log: As `read_log` gives it, of any number of files.
        threshold: For the distance, see `SkewReport`.

    Raises:
        DataError: There are no texts.
    """
    refused: Counter[str] = Counter()
    refusals: list[Refusal] = []
    with TemporaryDirectory(prefix="ulmfit-tfx-") as folder:
        file = f"{folder}/served"
        with tf.io.TFRecordWriter(file) as writer:
            rows = map(Row, _as_ingested(_texts(log, refused, refusals), training.ingestion))
            while chunk := list(itertools.islice(rows, _WRITTEN_TOGETHER)):
                bounds = training.ingestion.source.length_buckets
                for example in serialized_examples(chunk, [length_bucket(row.text, bounds) for row in chunk]):
                    writer.write(example)
        if not tf.io.gfile.stat(file).length:
            raise DataError(_no_texts(refused, refusals))
        [serving] = tfdv.generate_statistics_from_tfrecord(file).datasets
    anomalies = _anomalies(training, serving, threshold)
    [found] = anomalies.drift_skew_info
    by_split = {"training": training.statistics, "serving": serving}
    shares = {name: _shares(statistics, training) for name, statistics in by_split.items()}
    return SkewReport(
        statistics=training.path,
        threshold=threshold,
        distance=found.skew_measurements[0].value,
        by_chance=distance_by_chance(list(shares["training"].values()), serving.num_examples),
        anomaly=next((anomaly.description for anomaly in anomalies.anomaly_info.values()), None),
        texts={name: int(statistics.num_examples) for name, statistics in by_split.items()},
        mean_bytes={
            name: feature_of(statistics, TEXT, training.path).string_stats.avg_length
            for name, statistics in by_split.items()
        },
        shares={bucket: {name: of_split[bucket] for name, of_split in shares.items()} for bucket in shares["training"]},
        refused=dict(refused.most_common()),
        refusals=refusals,
    )


def distance_by_chance(shares: Sequence[float], texts: int) -> float:
    """The 99 % quantile of the L-infinity distance of draws from a distribution to it.

    Args:
        shares: The distribution.
        texts: How many are drawn.
    """
    drawn = np.random.default_rng(0).multinomial(texts, np.asarray(shares) / np.sum(shares), _DRAWS) / texts
    return float(np.quantile(np.abs(drawn - shares).max(axis=1), _RARE))


def _texts(log: Iterable[LoggedText | Refusal], refused: Counter[str], refusals: list[Refusal]) -> Iterator[LoggedText]:
    """The texts; refusals are counted, and the first kept."""
    for found in log:
        if isinstance(found, LoggedText):
            yield found
            continue
        refused[found.reason] += 1
        if len(refusals) < _REFUSALS_KEPT:
            refusals.append(found)


def _as_ingested(texts: Iterator[LoggedText], ingestion: Ingestion) -> Iterator[str]:
    """Texts as the training's were when their words were counted: of a tagger, words with a space between them."""
    if ingestion.tagging is None:
        yield from (found.text for found in texts)
        return
    while chunk := list(itertools.islice(texts, _SPLIT_TOGETHER)):
        words = split_words(tf.constant([found.text for found in chunk]), ingestion.tagging.words)[0]
        joined = tf.strings.reduce_join(words, axis=-1, separator=" ").numpy()
        yield from (
            found.text if found.is_split else split.decode() for found, split in zip(chunk, joined, strict=True)
        )


def _anomalies(
    training: TrainingStatistics, serving: statistics_pb2.DatasetFeatureStatistics, threshold: float
) -> anomalies_pb2.Anomalies:
    """TFDV's, of the one feature that both have and that has a distance."""
    schema = schema_pb2.Schema()
    schema.feature.add(name=LENGTH_BUCKET, type=schema_pb2.BYTES).skew_comparator.infinity_norm.threshold = threshold
    compared = [statistics_pb2.DatasetFeatureStatisticsList() for _ in range(2)]
    for statistics, whole in zip(compared, (training.statistics, serving), strict=True):
        dataset = statistics.datasets.add(num_examples=whole.num_examples)
        dataset.features.append(feature_of(whole, LENGTH_BUCKET, training.path))
    return tfdv.validate_statistics(compared[0], schema, serving_statistics=compared[1])


def _shares(statistics: statistics_pb2.DatasetFeatureStatistics, training: TrainingStatistics) -> dict[str, float]:
    """Share of each length bucket, also of those without texts."""
    buckets = feature_of(statistics, LENGTH_BUCKET, training.path).string_stats.rank_histogram.buckets
    counts = {bucket.label: bucket.sample_count for bucket in buckets}
    total = sum(counts.values())
    names = bucket_names(training.ingestion.source.length_buckets)
    return {name: counts.get(name, 0.0) / total for name in names}


def _no_texts(refused: Counter[str], refusals: Sequence[Refusal]) -> str:
    if not refused:
        return "the logs are empty: there is no request in them."
    first = "\n  ".join(map(str, refusals[:5]))
    return f"none of {refused.total():,} records has a text. The first of them:\n  {first}"
