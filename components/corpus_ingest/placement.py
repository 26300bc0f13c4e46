"""Which split each row of a shard belongs to, if any: the same for whoever reads the shard."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ulmfit_tfx.components.corpus_ingest.deduplication import LeftOut, Occurrence, key_of, position_of
from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.shard_reading import ReadCounts, read_shard, sampled
from ulmfit_tfx.components.corpus_ingest.shards import Shard
from ulmfit_tfx.components.row_places import RowPlace
from ulmfit_tfx.schemas.config.sources.labelled import LabelledColumnsConfig, LabelledSourceConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.splits import SplitsConfig
from ulmfit_tfx.transforms.corpus_cleanup.duplicates import label_hash
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.record import Refusal, Row
from ulmfit_tfx.transforms.splitting import EVAL, SPLITS, TEST, TRAIN, is_sampled, split_of

_LEFT_OUT_OF_TRAIN = "not in the share of the train split"


class Placed(NamedTuple):
    """A row with its split, and its place in the shard's part of its file."""

    row: Row
    split: str
    place: RowPlace


class Placement:
    """How rows of a source get their splits."""

    def __init__(self, ingestion: Ingestion, label_map: Mapping[str, str] | None, seed: int):
        self.ingestion = ingestion
        self.label_map = label_map
        self.seed = seed
        self.shares = _shares_of_path(ingestion.source)
        self.shares_of_train = _shares_of_train(ingestion.source)

    def rows_of(
        self, shard: Shard, lines_before: int, duplicates: Mapping[int, Any] | None, counts: ReadCounts
    ) -> Iterator[Placed | Refusal | Drop]:
        """Streams the rows of a shard.

        Args:
            shard: What to read.
            lines_before: Lines of its file before the shard's.
            duplicates: What `Duplicates` found, a multimap. None: they stay.
            counts: Is brought up to date with every record.
        """
        repeated = None if duplicates is None else _Repeated(shard, duplicates)
        source = self.ingestion.source
        rows = read_shard(shard, self.ingestion, self.label_map, lines_before, counts)
        for row in sampled(rows, source, self.seed):
            yield self._placed(row, shard, repeated, counts) if isinstance(row, Row) else row

    def _placed(self, row: Row, shard: Shard, repeated: "_Repeated | None", counts: ReadCounts) -> Placed | Drop:
        if repeated is not None and (reason := repeated.reason(row)) is not None:
            return Drop(reason)
        key = row.text if row.key is None else row.key
        named = None if self.shares_of_train is not None and row.split == TRAIN else row.split
        split = named or shard.split or split_of(key, self.seed, self.shares_of_train or self.shares)
        is_left_out = split == TRAIN and not self._is_in_train_fraction(row.text)
        return Drop(_LEFT_OUT_OF_TRAIN) if is_left_out else Placed(row, split, counts.place_of(row))

    def _is_in_train_fraction(self, text: str) -> bool:
        source = self.ingestion.source
        fraction = source.train_fraction if isinstance(source, LabelledSourceConfig) else 1.0
        return is_sampled(text, self.seed, fraction, "train")


class _Repeated:
    """The rows of a shard that repeat earlier ones, asked for in their order."""

    def __init__(self, shard: Shard, duplicates: Mapping[int, Any]):
        self.shard = shard
        self.left_out = LeftOut(duplicates[key_of(shard)])
        self.numbers = itertools.count()

    def reason(self, row: Row) -> str | None:
        return self.left_out.reason(occurrence(self.shard, next(self.numbers), row))


def occurrence(shard: Shard, number: int, row: Row) -> Occurrence:
    """A row in its place, for `Duplicates`.

    Args:
        shard: Of the row.
        number: Of the row in it, of those that are in the sample, from 0.
        row: The row.
    """
    return Occurrence(position_of(shard, number), row.text, label_hash(row))


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
