"""What a worker does with a shard: its rows get their splits and are written, and everything is counted."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam

from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.leaks import Digests, may_leak
from ulmfit_tfx.components.corpus_ingest.placement import Placed, Placement, occurrence
from ulmfit_tfx.components.corpus_ingest.rare_labels import RARE, labels_of, without_rare
from ulmfit_tfx.components.corpus_ingest.shard_reading import ReadCounts, line_ends, read_shard, sampled
from ulmfit_tfx.components.corpus_ingest.shard_result import (
    DROPPED,
    LABELS,
    LEAKS,
    QUARANTINED,
    RARE_LABELS,
    RECUT,
    REMARKS,
    ROWS,
    UNLISTED_LABELS,
    WORDS,
    ShardResult,
)
from ulmfit_tfx.components.corpus_ingest.shards import Shard
from ulmfit_tfx.components.record_files import PartsWriter
from ulmfit_tfx.components.row_encoding import Origin, serialized_examples
from ulmfit_tfx.components.row_places import RowPlace, places_folder, serialized_places
from ulmfit_tfx.schemas.config.sources.labelled_texts import ClassifiedTextsConfig, NumberedTextsConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.transforms.length_buckets import length_bucket
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.encodings import has_control_characters, is_latin_1
from ulmfit_tfx.transforms.records.record import Refusal, Row
from ulmfit_tfx.transforms.splitting import SPLITS, TRAIN

_LOOKS_LIKE_CP1252 = "texts with control characters: this looks like cp1252, not latin-1"
_LABELS_NAMED = 200
_BATCH_ROWS, _BATCH_CHARACTERS = 1000, 1 << 20


class FindOccurrences(beam.DoFn):
    """From shards to the `Occurrence`s of their rows, for `Duplicates`."""

    def __init__(self, ingestion: Ingestion, label_map: Mapping[str, str] | None, seed: int):
        self.ingestion = ingestion
        self.label_map = label_map
        self.seed = seed

    def process(self, shard: Shard) -> Iterator[Any]:
        """Reads a shard. What is refused or dropped is counted when it is ingested."""
        rows = read_shard(shard, self.ingestion, self.label_map, 0, ReadCounts())
        of_sample = (row for row in sampled(rows, self.ingestion.source, self.seed) if isinstance(row, Row))
        for number, row in enumerate(of_sample):
            yield occurrence(shard, number, row)


class IngestShard(beam.DoFn):
    """From shards to their results, as JSON; refusals, tagged `quarantined`; blocks of digests, tagged `leaks`."""

    def __init__(self, ingestion: Ingestion, label_map: Mapping[str, str] | None, seed: int, artifact: str):
        self.ingestion = ingestion
        self.placement = Placement(ingestion, label_map, seed)
        self.artifact = artifact
        self.is_latin_1 = is_latin_1(ingestion.source.encoding)
        self.looks_for_leaks = may_leak(ingestion.source)

    def process(
        self,
        shard: Shard,
        lines_before: dict[int, int],
        duplicates: Any = None,
        kept_labels: Collection[str] | None = None,
    ) -> Iterator[Any]:
        """Ingests a shard.

        Args:
            shard: What to read.
            lines_before: Lines of its file before a shard, by the shard's number; none where it is a whole file.
            duplicates: What `Duplicates` found, a multimap. None: they stay.
            kept_labels: What `KeptLabels` found. None: all of them.
        """
        result = ShardResult(shard=shard.number)
        digests = Digests()
        batches = {split: _Batch(self.artifact, split, shard, self.ingestion) for split in SPLITS}
        before = lines_before.get(shard.number, 0)
        for placed in self.placement.rows_of(shard, before, duplicates, result.read):
            if isinstance(placed, Refusal):
                result.counts[QUARANTINED, placed.reason, ""] += 1
                yield beam.pvalue.TaggedOutput(QUARANTINED, placed)
                continue
            kept = placed if isinstance(placed, Drop) else self._of_kept_labels(placed, kept_labels, result)
            if isinstance(kept, Drop):
                _count_drop(kept, result)
                continue
            self._count(kept.row, kept.split, result)
            batches[kept.split].add(kept.row, kept.place)
            if self.looks_for_leaks:
                for block in digests.add(kept.row.text, kept.split):
                    yield beam.pvalue.TaggedOutput(LEAKS, block)
        for block in digests.blocks():
            yield beam.pvalue.TaggedOutput(LEAKS, block)
        for batch in batches.values():
            batch.close()
            result.parts += batch.writer.parts
            result.places += batch.places_writer.parts
            for cut, sentences in batch.alike.items():
                result.counts[RECUT, cut, ""] += sentences
        for part in result.parts:
            result.counts[ROWS, part.split, ""] += part.records
        yield result.to_json()

    def _of_kept_labels(self, placed: Placed, kept: Collection[str] | None, result: ShardResult) -> Placed | Drop:
        for label in placed.row.unlisted:
            _count_label(UNLISTED_LABELS, label, result)
        source = self.ingestion.source
        if kept is None or not isinstance(source, ClassifiedTextsConfig):
            return placed
        row, rare = without_rare(placed.row, kept, source)
        for label in rare:
            result.counts[RARE_LABELS, label, ""] += 1
        return Drop(RARE) if row is None else placed._replace(row=row)

    def _count(self, row: Row, split: str, result: ShardResult) -> None:
        for label in self._labels_of(row):
            result.counts[LABELS, split, label] += 1
        if row.words:
            result.counts[WORDS, split, ""] += len(row.words)
        source = self.ingestion.source
        if self.is_latin_1 and has_control_characters(row.text):
            result.counts[REMARKS, _LOOKS_LIKE_CP1252, ""] += 1
        if isinstance(source, NumberedTextsConfig) and split == TRAIN:
            for column, number in zip(source.target_columns, row.targets, strict=True):
                result.lowest[column] = min(number, result.lowest.get(column, number))
                result.highest[column] = max(number, result.highest.get(column, number))

    def _labels_of(self, row: Row) -> Sequence[str]:
        """The labels or tags of a row, as often as it has them."""
        separator = self.ingestion.tag_separator
        if row.words and separator is not None:
            return [tag for tags in row.tags if tags for tag in tags.split(separator)]
        return row.tags if row.words else labels_of(row)


def _count_drop(drop: Drop, result: ShardResult) -> None:
    result.counts[DROPPED, drop.rule, ""] += 1
    if drop.label is not None:
        _count_label(UNLISTED_LABELS, drop.label, result)


def _count_label(kind: str, label: str, result: ShardResult) -> None:
    """Counts a label that is not kept, of very many those that come first: they are named in messages alone."""
    key = (kind, label, "")
    if key in result.counts or sum(of == kind for of, _, _ in result.counts) < _LABELS_NAMED:
        result.counts[key] += 1


class _Batch:
    """Rows of a shard and a split on their way to its files."""

    def __init__(self, artifact: str, split: str, shard: Shard, ingestion: Ingestion):
        self.writer = PartsWriter(artifact, split, shard.number)
        self.places_writer = PartsWriter(places_folder(artifact), split, shard.number)
        self.length_buckets = ingestion.source.length_buckets
        self.shard = shard.number
        self.asked = ingestion.asked
        self.written = 0
        self.rows: list[Row] = []
        self.places: list[RowPlace] = []
        self.characters = 0
        self.alike: Counter[str] = Counter()
        """Of words with tags, sentences that are cut into the same words, see `recut_words.alike`."""

    def add(self, row: Row, place: RowPlace) -> None:
        self.rows.append(row)
        self.places.append(place)
        self.characters += len(row.text)
        if len(self.rows) >= _BATCH_ROWS or self.characters >= _BATCH_CHARACTERS:
            self._flush()

    def close(self) -> None:
        if self.rows:
            self._flush()
        self.writer.close()
        self.places_writer.close()

    def _flush(self) -> None:
        buckets = [length_bucket(row.text, self.length_buckets) for row in self.rows]
        origins = None
        if self.asked:
            origins = [Origin(place.file, number) for number, place in enumerate(self.places, start=self.written)]
        self.writer.write(serialized_examples(self.rows, buckets, origins))
        self.places_writer.write(serialized_places(self.places, self.shard))
        self.written += len(self.rows)
        if self.rows[0].words:
            from ulmfit_tfx.transforms.records.recut_words import alike  # imports TensorFlow

            self.alike.update(alike(self.rows))
        self.rows, self.places, self.characters = [], [], 0


def counted_lines(shard: Shard, source: SourceConfig) -> tuple[Shard, int]:
    """A range, and how many lines end in it."""
    return shard, line_ends(shard, source)


def lines_before(line_ends: list[tuple[Shard, int]]) -> dict[int, int]:
    """Lines of its file before each shard, from the number of lines that end in each, of all shards of a file."""
    sums: dict[str, int] = defaultdict(int)
    before = {}
    for shard, count in sorted(line_ends, key=lambda pair: pair[0].number):
        before[shard.number] = sums[shard.file]
        sums[shard.file] += count
    return before
