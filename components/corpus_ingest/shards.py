"""Cuts a source into shards, which workers read side by side."""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

from ulmfit_tfx.components.corpus_ingest.archives import is_member
from ulmfit_tfx.components.corpus_ingest.file_kinds import PARQUET
from ulmfit_tfx.components.corpus_ingest.source_files import is_compressed, open_uncompressed, readable, size_of
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.table import DELIMITED, TableConfig, container_of
from ulmfit_tfx.transforms.records.delimited import Dialect
from ulmfit_tfx.transforms.records.dialects import dialect_of_lines
from ulmfit_tfx.transforms.records.formats import needed_columns
from ulmfit_tfx.transforms.records.line_ranges import is_splittable
from ulmfit_tfx.transforms.records.parquet import row_group_sizes
from ulmfit_tfx.transforms.splitting import EVAL, TEST

SHARD_BYTES = 16 << 20
_COMPRESSION = 4
"""Bytes of text in a byte of a compressed file, about."""
_RANKS = {TEST: 0, EVAL: 1}


@dataclasses.dataclass(frozen=True)
class Shard:
    """A file, a range of its lines or of its row groups, or several files.

    Attributes:
        number: Counts the shards of a source, in the order of files and ranges.
        file: Its path.
        split: The split that all of its rows are, or None where they are shared out.
        start: First byte of the range; the range begins with the next line that begins there or later. 0: the file's
            beginning.
        stop: End of the range, likewise. None: the end of the file.
        further: Files that are read after it, of the same split.
        dialect: Of a range of delimited text: its file's.
        row_groups: Of Parquet: the row groups that it has. None: all of them.
    """

    number: int
    file: str
    split: str | None
    start: int = 0
    stop: int | None = None
    further: tuple[str, ...] = ()
    dialect: Dialect | None = None
    row_groups: range | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """All files that it has rows of."""
        return self.file, *self.further

    @property
    def is_range_of_lines(self) -> bool:
        """Whether it is one, whose rows do not know their line in the file: those of row groups know their numbers."""
        return self.start > 0 or self.stop is not None

    @property
    def rank(self) -> int:
        """Whose rows stay where rows are the same: those of a test file, then those of an eval file, then others."""
        return _RANKS.get(self.split or "", len(_RANKS))


def shards_of(files: Mapping[str, str | None], config: SourceConfig, shard_bytes: int = SHARD_BYTES) -> list[Shard]:
    """Shards of a source's files, in their order.

    Large files of lines, and of row groups, are cut, if they are not compressed. Small files of the same split that
    follow one another share a shard.

    Args:
        files: Each file with the split that its rows are, or None where they are shared out.
        config: Of the source.
        shard_bytes: Size of a range, and of the files that share a shard.
    """
    shards: list[Shard] = []
    room = 0  # for further files in the last shard
    for file, split in files.items():
        parts = _parts(file, config, shard_bytes)
        size = _content_size(file, config) if len(parts) == 1 else shard_bytes
        if shards and size <= room and shards[-1].split == split:
            shards[-1] = dataclasses.replace(shards[-1], further=(*shards[-1].further, file))
            room -= size
            continue
        shards += [Shard(len(shards) + place, file, split, **part) for place, part in enumerate(parts)]
        room = shard_bytes - size
    return shards


def _parts(file: str, config: SourceConfig, shard_bytes: int) -> list[dict[str, Any]]:
    """Fields of the shards of a file: one without any where it is not cut."""
    if config.format == PARQUET.format:
        return [{"row_groups": groups} for groups in _row_groups(file, config, shard_bytes)] or [{}]
    if not is_splittable(config) or (size := size_of(file)) < 2 * shard_bytes or is_compressed(file):
        return [{}]
    dialect = None
    if isinstance(config, TableConfig) and config.format in DELIMITED:
        with readable(file, config, open_uncompressed) as stream:
            dialect = dialect_of_lines(stream, file, config, needed_columns(config))
        if dialect is None:
            return [{}]
    starts = range(0, size - shard_bytes // 2, shard_bytes)  # the last one may be half as large again
    ends = zip(starts, [*starts[1:], None], strict=True)
    return [{"start": start, "stop": stop, "dialect": dialect} for start, stop in ends]


def _row_groups(file: str, config: SourceConfig, shard_bytes: int) -> list[range]:
    """Row groups that follow one another, for each shard of a file that is cut; nothing of another."""
    if _content_size(file, config) < 2 * shard_bytes or is_compressed(file):
        return []
    with readable(file, config, open_uncompressed) as stream:
        sizes = row_group_sizes(stream, file)
    ends = list(itertools.accumulate(sizes))
    cuts = [0]
    for number, end in enumerate(ends, start=1):
        if number == len(ends) or end - (ends[cuts[-1] - 1] if cuts[-1] else 0) >= shard_bytes:
            cuts.append(number)
    return list(itertools.starmap(range, itertools.pairwise(cuts))) if len(cuts) > 2 else []


def _content_size(file: str, config: SourceConfig) -> int:
    """About how many bytes a file holds, decompressed."""
    size = size_of(file)
    is_dense = container_of(config.format) is not None or (is_compressed(file) and not is_member(file))
    return size * (_COMPRESSION if is_dense else 1)
