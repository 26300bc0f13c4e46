"""What CorpusIngest does."""

import dataclasses
import heapq
import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils

from ulmfit_tfx.components.corpus_ingest.accounting import (
    DROPPED,
    HIGHEST,
    LABELS,
    LOWEST,
    QUARANTINED,
    ROWS,
    Accounting,
    Key,
)
from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.source_files import check_source, read_label_map, read_labels, readable
from ulmfit_tfx.components.example_rows import example_of
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.source_config import LabelledSourceConfig, SourceConfig, SplitsConfig
from ulmfit_tfx.transforms.length_buckets import length_bucket
from ulmfit_tfx.transforms.records.formats import parse
from ulmfit_tfx.transforms.records.record import Refusal, Row
from ulmfit_tfx.transforms.splitting import EVAL, SPLITS, TEST, TRAIN, is_sampled, split_of

log = logging.getLogger(__name__)

_REFUSALS_SHOWN = 5
_SAMPLED_OUT = "not in the sample"
_LEFT_OUT_OF_TRAIN = "not in the share of the train split"


class Executor(BaseBeamExecutor):
    """Parses, samples and splits rows; writes examples, quarantine and accounting."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Runs the ingestion.

        Raises:
            DataError: See `check_source`, `formats.parse` and `Accounting.check`.
        """
        ingestion = Ingestion.from_json(exec_properties[specs.CONFIG]).reading(exec_properties[specs.PATH])
        artifact = artifact_utils.get_single_instance(output_dict[specs.EXAMPLES])
        artifact.split_names = artifact_utils.encode_split_names(list(SPLITS))
        examples_utils.set_payload_format(artifact, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(artifact, "tfrecords_gzip")

        files = check_source(ingestion.source)
        ingestion = _with_labels_read(ingestion)
        counts_file = f"{artifact.uri}/counts.jsonl"
        with self._make_beam_pipeline() as pipeline:
            _ingest(pipeline, files, ingestion, exec_properties[specs.SEED], artifact.uri, counts_file)
        accounting = Accounting.from_counts((tuple(key), count) for key, count in _read_jsonl(counts_file))
        tf.io.gfile.remove(counts_file)
        accounting.check(ingestion.source, _first_refusals(artifact.uri), _tag_separator(ingestion))

        artifact.set_string_custom_property(specs.ACCOUNTING, accounting.to_json())
        with tf.io.gfile.GFile(f"{artifact.uri}/accounting.json", "w") as file:
            file.write(accounting.to_json())
        log.info("Ingested %s: %s", ingestion.source.path, accounting)


def _with_labels_read(ingestion: Ingestion) -> Ingestion:
    if not isinstance(ingestion.source, LabelledSourceConfig):
        return ingestion
    labels = read_labels(ingestion.source)
    return dataclasses.replace(ingestion, source=ingestion.source.model_copy(update={"labels": labels}))


def _tag_separator(ingestion: Ingestion) -> str | None:
    return None if ingestion.tagging is None else ingestion.tagging.tag_separator


def _ingest(
    pipeline: beam.Pipeline,
    files: Mapping[str, str | None],
    ingestion: Ingestion,
    seed: int,
    uri: str,
    counts_file: str,
) -> None:
    source = ingestion.source
    parsed = (
        pipeline
        | "Files" >> beam.Create(list(files.items()))
        | "OneWorkerAFile" >> beam.Reshuffle()
        | "Parse"
        >> beam.ParDo(_Parse(ingestion, read_label_map(source), seed)).with_outputs(QUARANTINED, DROPPED, *SPLITS)
    )
    counted = []
    for split in SPLITS:
        rows = parsed[split]
        _ = (
            rows
            | f"Serialize/{split}" >> beam.Map(_serialized, source.length_buckets)
            | f"Write/{split}" >> beam.io.WriteToTFRecord(f"{uri}/Split-{split}/data_tfrecord", file_name_suffix=".gz")
        )
        counted.append(rows | f"CountRows/{split}" >> beam.Map(_count_of, ROWS, split))
        if isinstance(source, LabelledSourceConfig):
            counted.append(
                rows | f"CountLabels/{split}" >> beam.FlatMap(_label_counts, split, _tag_separator(ingestion))
            )
    _ = (
        parsed[QUARANTINED]
        | "QuarantineAsJson" >> beam.Map(lambda refusal: json.dumps(dataclasses.asdict(refusal), ensure_ascii=False))
        | "WriteQuarantine" >> beam.io.WriteToText(f"{uri}/quarantine/rows", file_name_suffix=".jsonl")
    )
    counted.append(parsed[QUARANTINED] | "CountRefusals" >> beam.Map(lambda row: ((QUARANTINED, row.reason, ""), 1)))
    counted.append(parsed[DROPPED] | "CountDropped" >> beam.Map(lambda rule: ((DROPPED, rule, ""), 1)))
    counts = [counted | "AllCounts" >> beam.Flatten() | "Count" >> beam.CombinePerKey(sum)]
    if isinstance(source, LabelledSourceConfig) and source.target_columns:
        counts += [
            parsed[TRAIN]
            | f"Targets/{kind}" >> beam.FlatMap(_keyed_targets, kind, source.target_columns)
            | f"Bound/{kind}" >> beam.CombinePerKey(bound)
            for kind, bound in ((LOWEST, min), (HIGHEST, max))
        ]
    _ = (
        counts
        | "AllNumbers" >> beam.Flatten()
        | "CountsAsJson" >> beam.Map(json.dumps)
        | "WriteCounts" >> beam.io.WriteToText(counts_file, shard_name_template="")
    )


class _Parse(beam.DoFn):
    """From a file and its split to rows tagged with theirs, refusals and names of dropping rules."""

    def __init__(self, ingestion: Ingestion, label_map: Mapping[str, str] | None, seed: int):
        self.ingestion = ingestion
        self.label_map = label_map
        self.seed = seed
        self.shares = _shares_of_path(ingestion.source)

    def process(self, element: tuple[str, str | None]) -> Iterator[beam.pvalue.TaggedOutput]:
        file, split_of_file = element
        config = self.ingestion.source
        tagging, separator = self.ingestion.tagging, self.ingestion.separator
        with readable(file, config) as stream:
            for record in parse(stream, file, config, tagging, separator, self.label_map):
                if isinstance(record, Refusal):
                    yield beam.pvalue.TaggedOutput(QUARANTINED, record)
                elif not is_sampled(record.text, self.seed, config.sample_fraction):
                    yield beam.pvalue.TaggedOutput(DROPPED, _SAMPLED_OUT)
                else:
                    split = record.split or split_of_file or split_of(record.text, self.seed, self.shares)
                    is_used = split != TRAIN or self._is_in_train_fraction(record.text)
                    yield beam.pvalue.TaggedOutput(*((split, record) if is_used else (DROPPED, _LEFT_OUT_OF_TRAIN)))

    def _is_in_train_fraction(self, text: str) -> bool:
        source = self.ingestion.source
        fraction = source.train_fraction if isinstance(source, LabelledSourceConfig) else 1.0
        return is_sampled(text, self.seed, fraction, "train")


def _shares_of_path(config: SourceConfig) -> SplitsConfig:
    """Shares of the rows of `path`: the splits that have no file of their own, in proportion."""
    with_file = {
        split for split, field in ((EVAL, "eval_path"), (TEST, "test_path")) if getattr(config, field, None) is not None
    }
    shares = {split: share for split, share in config.splits.model_dump().items() if split not in with_file}
    total = sum(shares.values())
    if not total:
        return SplitsConfig(train=1, eval=0, test=0)
    return SplitsConfig(**dict.fromkeys(SPLITS, 0) | {split: share / total for split, share in shares.items()})


def _serialized(row: Row, length_buckets: tuple[int, ...]) -> bytes:
    return example_of(row, length_bucket(row.text, length_buckets)).SerializeToString(deterministic=True)


def _count_of(_: Row, kind: str, name: str) -> tuple[Key, int]:
    return (kind, name, ""), 1


def _label_counts(row: Row, split: str, tag_separator: str | None) -> Iterator[tuple[Key, int]]:
    """How often a row has each of its labels or tags."""
    for label, count in Counter(_labels_of(row, tag_separator)).items():
        yield (LABELS, split, label), count


def _labels_of(row: Row, tag_separator: str | None) -> Sequence[str]:
    if row.words:
        return (
            row.tags
            if tag_separator is None
            else [tag for tags in row.tags if tags for tag in tags.split(tag_separator)]
        )
    return [row.label] if row.label is not None else row.labels or ()


def _keyed_targets(row: Row, kind: str, columns: tuple[str, ...]) -> Iterator[tuple[Key, float]]:
    for column, number in zip(columns, row.targets, strict=True):
        yield (kind, column, ""), number


def _first_refusals(uri: str) -> Iterator[str]:
    """The first refused rows, as messages. Nothing is read before the first is asked for."""
    refusals = (Refusal(**row) for row in _read_jsonl(f"{uri}/quarantine/rows*"))
    first = heapq.nsmallest(_REFUSALS_SHOWN, refusals, key=lambda refusal: (refusal.source, refusal.line))
    yield from map(str, first)


def _read_jsonl(pattern: str) -> Iterator[Any]:
    for path in sorted(tf.io.gfile.glob(pattern)):
        with tf.io.gfile.GFile(path) as file:
            for line in file:
                yield json.loads(line)
