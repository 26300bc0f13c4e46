"""Counts the rows of eval whose texts stand in train too, and those of test that stand in either, on Beam.

No text passes from one stage to another: packed digests do, 17 bytes a row, in the partitions that they fall into.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from ulmfit_tfx.components.corpus_ingest.shard_result import LEAKS, ShardResult
from ulmfit_tfx.schemas.config.sources.labelled import LabelledColumnsConfig, LabelledSourceConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.transforms.corpus_cleanup.duplicates import DIGEST_BYTES, text_digest
from ulmfit_tfx.transforms.splitting import EVAL, SPLITS, TEST, TRAIN

Block = tuple[int, bytes]
"""A partition, and packed records of `_TEXT` for it."""

_TEXT = np.dtype([("digest", f"S{DIGEST_BYTES}"), ("split", "u1")])
_NUMBERS = {split: number for number, split in enumerate(SPLITS)}
_PARTITIONS = 64
_BATCH_ROWS = 1 << 14


def may_leak(source: SourceConfig) -> bool:
    """Whether equal texts of a source can be in different splits: not where splits follow from texts."""
    if not isinstance(source, LabelledSourceConfig) or source.corpus_cleanup.deduplicate != "off":
        return False
    by_column = isinstance(source, LabelledColumnsConfig) and (source.split_column or source.split_key_column)
    return bool(source.eval_path or source.test_path or by_column)


class Digests:
    """The texts of a shard with their splits, packed."""

    def __init__(self) -> None:
        self.records: list[tuple[bytes, int]] = []

    def add(self, text: str, split: str) -> Iterator[Block]:
        """Takes a text, and gives blocks now and then."""
        self.records.append((text_digest(text), _NUMBERS[split]))
        if len(self.records) >= _BATCH_ROWS:
            yield from self.blocks()

    def blocks(self) -> Iterator[Block]:
        """What there is since the last blocks."""
        by_partition: dict[int, list[tuple[bytes, int]]] = {}
        for record in self.records:
            by_partition.setdefault(record[0][0] % _PARTITIONS, []).append(record)
        self.records = []
        for partition, records in by_partition.items():
            yield partition, np.array(records, _TEXT).tobytes()


def leaks_in(partition: tuple[int, Iterable[bytes]]) -> str:
    """The rows of a partition that leak, as JSON of a `ShardResult`."""
    records = np.frombuffer(b"".join(partition[1]), _TEXT)
    digests = {split: records["digest"][records["split"] == number] for split, number in _NUMBERS.items()}
    result = ShardResult()
    for split, looked_at in ((EVAL, [TRAIN]), (TEST, [TRAIN, EVAL])):  # eval decides which epoch is kept
        seen = np.concatenate([digests[other] for other in looked_at])
        result.counts[LEAKS, split, ""] = int(np.isin(digests[split], seen).sum())
    return result.to_json()
