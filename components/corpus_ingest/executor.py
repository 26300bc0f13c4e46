"""What CorpusIngest does."""

import dataclasses
import heapq
import json
import logging
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tfx.components.example_gen.utils import dict_to_example
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils

from ulmfit_tfx.components.corpus_ingest.accounting import DROPPED, LABELS, QUARANTINED, ROWS, Accounting
from ulmfit_tfx.components.corpus_ingest.source_files import check_source, readable
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.schemas.config import LabelledSourceConfig, SourceConfig, source_from_json
from ulmfit_tfx.transforms.length_buckets import length_bucket
from ulmfit_tfx.transforms.records import delimited, plain_text
from ulmfit_tfx.transforms.records.record import Refusal, Row
from ulmfit_tfx.transforms.splitting import SPLITS, TRAIN, is_sampled, split_of

log = logging.getLogger(__name__)

_REFUSALS_SHOWN = 5
_SAMPLED_OUT = "not in the sample"
_LEFT_OUT_OF_TRAIN = "not in the share of the train split"


class Executor(BaseBeamExecutor):
    """Parses, samples and splits rows; writes examples, quarantine and accounting."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Runs the ingestion.

        Raises:
            DataError: See `delimited.parse` and `Accounting.check`.
        """
        config = source_from_json(exec_properties[specs.CONFIG])
        artifact = artifact_utils.get_single_instance(output_dict[specs.EXAMPLES])
        artifact.split_names = artifact_utils.encode_split_names(list(SPLITS))
        examples_utils.set_payload_format(artifact, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(artifact, "tfrecords_gzip")

        files = check_source(config)
        counts_file = f"{artifact.uri}/counts.jsonl"
        with self._make_beam_pipeline() as pipeline:
            _ingest(pipeline, files, config, exec_properties[specs.SEED], artifact.uri, counts_file)
        accounting = Accounting.from_counts((tuple(key), count) for key, count in _read_jsonl(counts_file))
        tf.io.gfile.remove(counts_file)
        accounting.check(config, _first_refusals(artifact.uri))

        artifact.set_string_custom_property(specs.ACCOUNTING, accounting.to_json())
        with tf.io.gfile.GFile(f"{artifact.uri}/accounting.json", "w") as file:
            file.write(accounting.to_json())
        log.info("Ingested %s: %s", config.path, accounting)


def _ingest(
    pipeline: beam.Pipeline, files: list[str], config: SourceConfig, seed: int, uri: str, counts_file: str
) -> None:
    parsed = (
        pipeline
        | "Files" >> beam.Create(files)
        | "OneWorkerAFile" >> beam.Reshuffle()
        | "Parse" >> beam.ParDo(_Parse(config, seed)).with_outputs(QUARANTINED, DROPPED, *SPLITS)
    )
    counted = []
    for split in SPLITS:
        rows = parsed[split]
        _ = (
            rows
            | f"Serialize/{split}" >> beam.Map(_to_example, config.length_buckets)
            | f"Write/{split}" >> beam.io.WriteToTFRecord(f"{uri}/Split-{split}/data_tfrecord", file_name_suffix=".gz")
        )
        counted.append(rows | f"CountRows/{split}" >> beam.Map(_count_key, ROWS, split))
        if isinstance(config, LabelledSourceConfig):
            counted.append(rows | f"CountLabels/{split}" >> beam.Map(_label_key, split))
    _ = (
        parsed[QUARANTINED]
        | "QuarantineAsJson" >> beam.Map(lambda refusal: json.dumps(dataclasses.asdict(refusal), ensure_ascii=False))
        | "WriteQuarantine" >> beam.io.WriteToText(f"{uri}/quarantine/rows", file_name_suffix=".jsonl")
    )
    counted.append(parsed[QUARANTINED] | "CountRefusals" >> beam.Map(lambda row: (QUARANTINED, row.reason, "")))
    counted.append(parsed[DROPPED] | "CountDropped" >> beam.Map(lambda rule: (DROPPED, rule, "")))
    _ = (
        counted
        | beam.Flatten()
        | "Count" >> beam.combiners.Count.PerElement()
        | "CountsAsJson" >> beam.Map(json.dumps)
        | "WriteCounts" >> beam.io.WriteToText(counts_file, shard_name_template="")
    )


class _Parse(beam.DoFn):
    """From a file name to rows tagged with their split, refusals and names of dropping rules."""

    def __init__(self, config: SourceConfig, seed: int):
        self.config = config
        self.seed = seed

    def process(self, element: str) -> Iterator[beam.pvalue.TaggedOutput]:
        parse = plain_text.parse if self.config.format == "text" else delimited.parse
        with readable(element, self.config) as stream:
            for record in parse(stream, element, self.config):
                if isinstance(record, Refusal):
                    yield beam.pvalue.TaggedOutput(QUARANTINED, record)
                elif not is_sampled(record.text, self.seed, self.config.sample_fraction):
                    yield beam.pvalue.TaggedOutput(DROPPED, _SAMPLED_OUT)
                else:
                    split = split_of(record.text, self.seed, self.config.splits)
                    is_used = split != TRAIN or self._is_in_train_fraction(record.text)
                    yield beam.pvalue.TaggedOutput(*((split, record) if is_used else (DROPPED, _LEFT_OUT_OF_TRAIN)))

    def _is_in_train_fraction(self, text: str) -> bool:
        fraction = self.config.train_fraction if isinstance(self.config, LabelledSourceConfig) else 1.0
        return is_sampled(text, self.seed, fraction, "train")


def _to_example(row: Row, length_buckets: tuple[int, ...]) -> bytes:
    features = {
        feature_names.TEXT: row.text,
        feature_names.LENGTH_BUCKET: length_bucket(row.text, length_buckets),
    }
    if row.label is not None:
        features[feature_names.LABEL] = row.label
    return dict_to_example(features).SerializeToString(deterministic=True)


def _count_key(_: Row, kind: str, name: str) -> tuple[str, str, str]:
    return kind, name, ""


def _label_key(row: Row, split: str) -> tuple[str, str, str]:
    return LABELS, split, row.label or ""


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
