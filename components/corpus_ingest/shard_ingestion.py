"""What a worker does with a shard: its rows get their splits and are written, and everything is counted."""

import dataclasses
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam

from ulmfit_tfx.components.corpus_ingest.accounting import DROPPED, LABELS, QUARANTINED, ROWS
from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.shard_reading import ReadCounts, read_shard
from ulmfit_tfx.components.corpus_ingest.shards import Shard
from ulmfit_tfx.components.record_files import Part, PartsWriter
from ulmfit_tfx.components.row_encoding import serialized_examples
from ulmfit_tfx.schemas.source_config import LabelledSourceConfig, SourceConfig, SplitsConfig
from ulmfit_tfx.transforms.length_buckets import length_bucket
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.record import Refusal, Row
from ulmfit_tfx.transforms.splitting import EVAL, SPLITS, TEST, TRAIN, is_sampled, split_of

_SAMPLED_OUT = "not in the sample"
_LEFT_OUT_OF_TRAIN = "not in the share of the train split"
_BATCH_ROWS, _BATCH_CHARACTERS = 1000, 1 << 20


@dataclasses.dataclass
class ShardResult:
    """What came of a shard.

    Attributes:
        counts: By kind, name and label, see `Accounting`.
        lowest: Lowest number in the train split, by target column.
        highest: Highest number, likewise.
        parts: The files that were written.
    """

    read: ReadCounts = dataclasses.field(default_factory=ReadCounts)
    counts: Counter[tuple[str, str, str]] = dataclasses.field(default_factory=Counter)
    lowest: dict[str, float] = dataclasses.field(default_factory=dict)
    highest: dict[str, float] = dataclasses.field(default_factory=dict)
    parts: list[Part] = dataclasses.field(default_factory=list)

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self) | {"counts": [[*key, count] for key, count in self.counts.items()]})

    @classmethod
    def from_json(cls, text: str) -> "ShardResult":
        """Reads what `to_json` wrote."""
        values = json.loads(text)
        return cls(
            ReadCounts(**values["read"]),
            Counter({tuple(key): count for *key, count in values["counts"]}),
            values["lowest"],
            values["highest"],
            [Part(**part) for part in values["parts"]],
        )


class IngestShard(beam.DoFn):
    """From shards to their results, as JSON, and refusals, tagged `quarantined`."""

    def __init__(self, ingestion: Ingestion, label_map: Mapping[str, str] | None, seed: int, artifact: str):
        self.ingestion = ingestion
        self.label_map = label_map
        self.seed = seed
        self.artifact = artifact
        self.shares = _shares_of_path(ingestion.source)

    def process(
        self,
        shard: Shard,
        lines_before: dict[int, int],
    ) -> Iterator[Any]:
        """Ingests a shard.

        Args:
            shard: What to read.
            lines_before: Lines of its file before a shard, by the shard's number; none where it is a whole file.
        """
        result = ShardResult()
        batches = {split: _Batch(self.artifact, split, shard.number, self.ingestion.source) for split in SPLITS}
        rows = read_shard(shard, self.ingestion, self.label_map, lines_before.get(shard.number, 0), result.read)
        for row in rows:
            if isinstance(row, Refusal):
                result.counts[QUARANTINED, row.reason, ""] += 1
                yield beam.pvalue.TaggedOutput(QUARANTINED, row)
                continue
            split = row if isinstance(row, Drop) else self._split_of(row, shard)
            if isinstance(split, Drop):
                result.counts[DROPPED, split.rule, ""] += 1
            else:
                self._count(row, split, result)
                batches[split].add(row)
        result.parts = [part for batch in batches.values() for part in batch.close()]
        for part in result.parts:
            result.counts[ROWS, part.split, ""] += part.records
        yield result.to_json()

    def _split_of(self, row: Row, shard: Shard) -> str | Drop:
        source, text = self.ingestion.source, row.text
        if not is_sampled(text, self.seed, source.sample_fraction):
            return Drop(_SAMPLED_OUT)
        split = row.split or shard.split or split_of(text if row.key is None else row.key, self.seed, self.shares)
        fraction = source.train_fraction if isinstance(source, LabelledSourceConfig) else 1.0
        if split == TRAIN and not is_sampled(text, self.seed, fraction, "train"):
            return Drop(_LEFT_OUT_OF_TRAIN)
        return split

    def _count(self, row: Row, split: str, result: ShardResult) -> None:
        for label in self._labels_of(row):
            result.counts[LABELS, split, label] += 1
        if row.targets and split == TRAIN:
            columns = self.ingestion.source.target_columns  # type: ignore[attr-defined]  # such rows are labelled
            for column, number in zip(columns, row.targets, strict=True):
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


class _Batch:
    """Rows of a shard and a split on their way to its files."""

    def __init__(self, artifact: str, split: str, shard: int, source: SourceConfig):
        self.writer = PartsWriter(artifact, split, shard)
        self.length_buckets = source.length_buckets
        self.rows: list[Row] = []
        self.characters = 0

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
        self.writer.write(serialized_examples(self.rows, buckets))
        self.rows, self.characters = [], 0


def lines_before(line_ends: list[tuple[Shard, int]]) -> dict[int, int]:
    """Lines of its file before each shard, from the number of lines that end in each, of all shards of a file."""
    sums: dict[str, int] = defaultdict(int)
    before = {}
    for shard, count in sorted(line_ends, key=lambda pair: pair[0].number):
        before[shard.number] = sums[shard.file]
        sums[shard.file] += count
    return before


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
