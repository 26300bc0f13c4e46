"""What a worker does with a shard: its rows get their splits and are written, and everything is counted."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam

from ulmfit_tfx.components.corpus_ingest.deduplication import LeftOut, Occurrence, key_of, position_of
from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.shard_reading import ReadCounts, line_ends, read_shard, sampled
from ulmfit_tfx.components.corpus_ingest.shard_result import (
    DROPPED,
    LABELS,
    QUARANTINED,
    RECUT,
    REMARKS,
    ROWS,
    WORDS,
    ShardResult,
)
from ulmfit_tfx.components.corpus_ingest.shards import Shard
from ulmfit_tfx.components.record_files import Part, PartsWriter
from ulmfit_tfx.components.row_encoding import Place, serialized_examples
from ulmfit_tfx.schemas.config.sources.labelled import LabelledColumnsConfig, LabelledSourceConfig
from ulmfit_tfx.schemas.config.sources.labelled_texts import NumberedTextsConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.splits import SplitsConfig
from ulmfit_tfx.transforms.corpus_cleanup.duplicates import label_hash
from ulmfit_tfx.transforms.length_buckets import length_bucket
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.encodings import has_control_characters, is_latin_1
from ulmfit_tfx.transforms.records.record import Refusal, Row
from ulmfit_tfx.transforms.splitting import EVAL, SPLITS, TEST, TRAIN, is_sampled, split_of

_LEFT_OUT_OF_TRAIN = "not in the share of the train split"
_LOOKS_LIKE_CP1252 = "texts with control characters: this looks like cp1252, not latin-1"
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
            yield _occurrence(shard, number, row)


class IngestShard(beam.DoFn):
    """From shards to their results, as JSON, and refusals, tagged `quarantined`."""

    def __init__(self, ingestion: Ingestion, label_map: Mapping[str, str] | None, seed: int, artifact: str):
        self.ingestion = ingestion
        self.label_map = label_map
        self.seed = seed
        self.artifact = artifact
        self.shares = _shares_of_path(ingestion.source)
        self.is_latin_1 = is_latin_1(ingestion.source.encoding)
        self.shares_of_train = _shares_of_train(ingestion.source)

    def process(
        self,
        shard: Shard,
        lines_before: dict[int, int],
        duplicates: Any = None,
    ) -> Iterator[Any]:
        """Ingests a shard.

        Args:
            shard: What to read.
            lines_before: Lines of its file before a shard, by the shard's number; none where it is a whole file.
            duplicates: What `Duplicates` found, a multimap. None: they stay.
        """
        result = ShardResult()
        repeated = None if duplicates is None else _Repeated(shard, duplicates)
        batches = {split: _Batch(self.artifact, split, shard, self.ingestion) for split in SPLITS}
        rows = read_shard(shard, self.ingestion, self.label_map, lines_before.get(shard.number, 0), result.read)
        for row in sampled(rows, self.ingestion.source, self.seed):
            if isinstance(row, Refusal):
                result.counts[QUARANTINED, row.reason, ""] += 1
                yield beam.pvalue.TaggedOutput(QUARANTINED, row)
                continue
            split = self._split_of(row, shard, repeated) if isinstance(row, Row) else row
            if isinstance(row, Row) and isinstance(split, str):
                self._count(row, split, result)
                batches[split].add(row)
            elif isinstance(split, Drop):
                result.counts[DROPPED, split.rule, ""] += 1
        result.parts = [part for batch in batches.values() for part in batch.close()]
        for batch in batches.values():
            for cut, sentences in batch.alike.items():
                result.counts[RECUT, cut, ""] += sentences
        for part in result.parts:
            result.counts[ROWS, part.split, ""] += part.records
        yield result.to_json()

    def _split_of(self, row: Row, shard: Shard, repeated: "_Repeated | None") -> str | Drop:
        if repeated is not None and (reason := repeated.reason(row)) is not None:
            return Drop(reason)
        key = row.text if row.key is None else row.key
        named = None if self.shares_of_train is not None and row.split == TRAIN else row.split
        shares = self.shares_of_train or self.shares
        split = named or shard.split or split_of(key, self.seed, shares)
        return Drop(_LEFT_OUT_OF_TRAIN) if split == TRAIN and not self._is_in_train_fraction(row.text) else split

    def _is_in_train_fraction(self, text: str) -> bool:
        source = self.ingestion.source
        fraction = source.train_fraction if isinstance(source, LabelledSourceConfig) else 1.0
        return is_sampled(text, self.seed, fraction, "train")

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
        if row.words:
            return row.tags
        return [row.label] if row.label is not None else row.labels or ()


class _Repeated:
    """The rows of a shard that repeat earlier ones, asked for in their order."""

    def __init__(self, shard: Shard, duplicates: Mapping[int, Any]):
        self.shard = shard
        self.left_out = LeftOut(duplicates[key_of(shard)])
        self.numbers = itertools.count()

    def reason(self, row: Row) -> str | None:
        return self.left_out.reason(_occurrence(self.shard, next(self.numbers), row))


def _occurrence(shard: Shard, number: int, row: Row) -> Occurrence:
    return Occurrence(position_of(shard, number), row.text, label_hash(row))


class _Batch:
    """Rows of a shard and a split on their way to its files."""

    def __init__(self, artifact: str, split: str, shard: Shard, ingestion: Ingestion):
        self.writer = PartsWriter(artifact, split, shard.number)
        self.length_buckets = ingestion.source.length_buckets
        self.file = shard.file if ingestion.asked else None
        self.written = 0
        self.rows: list[Row] = []
        self.characters = 0
        self.alike: Counter[str] = Counter()
        """Of words with tags, sentences that are cut into the same words, see `recut_words.alike`."""

    def add(self, row: Row) -> None:
        self.rows.append(row)
        self.characters += len(row.text)
        if len(self.rows) >= _BATCH_ROWS or self.characters >= _BATCH_CHARACTERS:
            self._flush()

    def close(self) -> list[Part]:
        if self.rows:
            self._flush()
        return self.writer.close()

    def _flush(self) -> None:
        buckets = [length_bucket(row.text, self.length_buckets) for row in self.rows]
        place = None if self.file is None else Place(self.file, self.written)
        self.writer.write(serialized_examples(self.rows, buckets, place))
        self.written += len(self.rows)
        if self.rows[0].words:
            from ulmfit_tfx.transforms.records.recut_words import alike  # imports TensorFlow

            self.alike.update(alike(self.rows))
        self.rows, self.characters = [], 0


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


def _shares_of_train(config: SourceConfig) -> SplitsConfig | None:
    """Shares of the rows that are named train, where some of them are the eval split."""
    if not isinstance(config, LabelledColumnsConfig) or not config.eval_from_train:
        return None
    train, held_back = config.splits.train, config.splits.eval
    return SplitsConfig(train=train / (train + held_back), eval=held_back / (train + held_back), test=0)


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
