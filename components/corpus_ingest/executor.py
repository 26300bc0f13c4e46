"""What CorpusIngest does."""

import dataclasses
import heapq
import json
import logging
import re
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils

from ulmfit_tfx.components.corpus_ingest.accounts import account_of, check, notes
from ulmfit_tfx.components.corpus_ingest.deduplication import Duplicates
from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.leaks import leaks_in
from ulmfit_tfx.components.corpus_ingest.rare_labels import KeptLabels, leaves_out_or_groups
from ulmfit_tfx.components.corpus_ingest.shard_ingestion import (
    FindOccurrences,
    IngestShard,
    counted_lines,
    lines_before,
)
from ulmfit_tfx.components.corpus_ingest.shard_result import LEAKS, QUARANTINED, ShardResult
from ulmfit_tfx.components.corpus_ingest.shards import Shard, shards_of
from ulmfit_tfx.components.corpus_ingest.source_files import check_source, read_label_map, read_labels
from ulmfit_tfx.components.record_files import prepare, publish
from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.components.row_places import places_folder, write_shards
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.config.sources.labelled import LabelListConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.record import Refusal
from ulmfit_tfx.transforms.splitting import SPLITS, TRAIN

log = logging.getLogger(__name__)

_REFUSALS_SHOWN = 5
_WHERE_IN_BEAM = re.compile(r" \[while running '[^']*'\]$")
"""What Beam adds to messages."""


class Executor(BaseBeamExecutor):
    """Parses, cleans up, samples and splits rows; writes examples, quarantine and accounting."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Runs the ingestion.

        Raises:
            DataError: See `check_source`, `formats.parse` and `accounts.check`.
        """
        ingestion = Ingestion.from_json(exec_properties[specs.CONFIG]).reading(exec_properties[specs.PATH])
        artifact = artifact_utils.get_single_instance(output_dict[specs.EXAMPLES])
        artifact.split_names = artifact_utils.encode_split_names(list(SPLITS))
        examples_utils.set_payload_format(artifact, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(artifact, "tfrecords_gzip")

        _check_languages(ingestion)
        FileSystems.set_options(PipelineOptions(self._beam_pipeline_args))  # such as where S3 is
        ingestion = _with_classes(ingestion, input_dict)
        shards = shards_of(check_source(ingestion.source), ingestion.source)
        ingestion = _with_labels_read(ingestion)
        prepare(artifact.uri)
        prepare(places_folder(artifact.uri))
        results_file = f"{artifact.uri}/shards.jsonl"
        try:
            with self._make_beam_pipeline() as pipeline:
                _ingest(pipeline, shards, ingestion, exec_properties[specs.SEED], artifact.uri, results_file)
        except DataError as error:
            raise DataError(_WHERE_IN_BEAM.sub("", str(error))) from error
        results = [ShardResult.from_json(line) for line in _read_lines(results_file)]
        tf.io.gfile.remove(results_file)

        tagging = ingestion.tagging
        accounting = dataclasses.replace(account_of(results), served_cut=None if tagging is None else tagging.words)
        check(accounting, ingestion, _first_refusals(artifact.uri))
        noted = list(notes(accounting, ingestion, read_label_map(ingestion.source)))
        accounting = dataclasses.replace(accounting, notes=noted)
        for note in noted:
            log.warning("%s", note)
        publish((part for result in results for part in result.parts), artifact.uri, SPLITS)
        publish((part for result in results for part in result.places), places_folder(artifact.uri), SPLITS)
        records = {result.shard: result.read.by_file() for result in results if result.shard is not None}
        write_shards(artifact.uri, records)
        artifact.set_string_custom_property(specs.ACCOUNTING, accounting.to_json())
        with tf.io.gfile.GFile(f"{artifact.uri}/accounting.json", "w") as file:
            file.write(accounting.to_json())
        if warning := accounting.recut_warning():
            log.warning("%s", warning)
        log.info("Ingested %s: %s", ingestion.source.path, accounting)


def _with_classes(ingestion: Ingestion, inputs: dict[str, Any]) -> Ingestion:
    """Of a teacher's rows, the classes that the labelled rows have in their train split."""
    if not inputs.get(specs.GOLD):
        return ingestion
    gold = artifact_utils.get_single_instance(inputs[specs.GOLD])
    classes = Accounting.from_json(gold.get_string_custom_property(specs.ACCOUNTING)).labels[TRAIN]
    return dataclasses.replace(ingestion, classes=tuple(sorted(classes)))


def _with_labels_read(ingestion: Ingestion) -> Ingestion:
    if not isinstance(ingestion.source, LabelListConfig):
        return ingestion
    labels = read_labels(ingestion.source)
    return dataclasses.replace(ingestion, source=ingestion.source.model_copy(update={"labels": labels}))


def _check_languages(ingestion: Ingestion) -> None:
    if not ingestion.source.corpus_cleanup.languages:
        return
    from ulmfit_tfx.transforms.corpus_cleanup.languages import check_languages

    try:
        check_languages(ingestion.source.corpus_cleanup.languages)
    except ValueError as error:
        raise DataError(f"corpus_cleanup.languages: {error}.") from None


def _ingest(
    pipeline: beam.Pipeline, shards: Sequence[Shard], ingestion: Ingestion, seed: int, uri: str, results_file: str
) -> None:
    # Workers import the modules of the functions below: none of them stands here, beside imports of TFX.
    # Rows never cross from one stage to another: a local runner would hold all of them in memory.
    ranges = [shard for shard in shards if shard.is_range_of_lines]
    before = beam.pvalue.AsSingleton(
        pipeline
        | "Ranges" >> beam.Create(ranges)
        | "SpreadRanges" >> beam.Reshuffle()
        | "CountLines" >> beam.Map(counted_lines, ingestion.source)
        | "AllLines" >> beam.combiners.ToList()
        | "LinesBefore" >> beam.Map(lines_before)
    )
    label_map = read_label_map(ingestion.source)
    spread = pipeline | "Shards" >> beam.Create(shards) | "SpreadShards" >> beam.Reshuffle()
    duplicates = None
    if ingestion.source.corpus_cleanup.deduplicate != "off":
        found = (
            spread
            | "FindOccurrences" >> beam.ParDo(FindOccurrences(ingestion, label_map, seed))
            | "FindDuplicates" >> Duplicates(ingestion.source.corpus_cleanup)
        )
        duplicates = beam.pvalue.AsMultiMap(found)
    kept = None
    if leaves_out_or_groups(ingestion.source):
        kept = beam.pvalue.AsSingleton(spread | "KeptLabels" >> KeptLabels(ingestion, label_map, seed, duplicates))
    ingest = beam.ParDo(IngestShard(ingestion, label_map, seed, uri), before, duplicates, kept)
    done = spread | "Ingest" >> ingest.with_outputs(QUARANTINED, LEAKS, main="results")
    leaks = done[LEAKS] | "LeaksByDigest" >> beam.GroupByKey() | "CountLeaks" >> beam.Map(leaks_in)
    results = (done.results, leaks) | "Results" >> beam.Flatten()
    _ = results | "WriteResults" >> beam.io.WriteToText(results_file, shard_name_template="")
    _ = (
        done[QUARANTINED]
        | "QuarantineAsJson" >> beam.Map(Refusal.to_json)
        | "WriteQuarantine" >> beam.io.WriteToText(f"{uri}/quarantine/rows", file_name_suffix=".jsonl")
    )


def _first_refusals(uri: str) -> Iterator[str]:
    """The first refused rows, as messages. Nothing is read before the first is asked for."""
    lines = (line for path in tf.io.gfile.glob(f"{uri}/quarantine/rows*") for line in _read_lines(path))
    refusals = (Refusal(**json.loads(line)) for line in lines)
    first = heapq.nsmallest(_REFUSALS_SHOWN, refusals, key=lambda refusal: (refusal.source, refusal.line))
    yield from map(str, first)


def _read_lines(path: str) -> Iterator[str]:
    with tf.io.gfile.GFile(path) as file:
        yield from file
