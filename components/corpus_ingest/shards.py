"""Cuts a source into shards, which workers read side by side."""

import dataclasses
from collections.abc import Mapping

from ulmfit_tfx.components.corpus_ingest.archives import is_member
from ulmfit_tfx.components.corpus_ingest.source_files import is_compressed, open_uncompressed, readable, size_of
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.table import DELIMITED, TableConfig
from ulmfit_tfx.transforms.records.delimited import Dialect
from ulmfit_tfx.transforms.records.dialects import dialect_of_lines
from ulmfit_tfx.transforms.records.formats import needed_columns
from ulmfit_tfx.transforms.records.line_ranges import is_splittable
from ulmfit_tfx.transforms.splitting import EVAL, TEST

SHARD_BYTES = 16 << 20
_COMPRESSION = 4
"""Bytes of text in a byte of a compressed file, about."""
_DENSE_FORMATS = ("parquet", "xlsx")
_RANKS = {TEST: 0, EVAL: 1}


@dataclasses.dataclass(frozen=True)
class Shard:
    """A file, a range of its lines, or several files.

    Attributes:
        number: Counts the shards of a source, in the order of files and ranges.
        file: Its path.
        split: The split that all of its rows are, or None where they are shared out.
        start: First byte of the range; the range begins with the next line that begins there or later. 0: the file's
            beginning.
        stop: End of the range, likewise. None: the end of the file.
        further: Files that are read after it, of the same split.
        dialect: Of a range of delimited text: its file's.
    """

    number: int
    file: str
    split: str | None
    start: int = 0
    stop: int | None = None
    further: tuple[str, ...] = ()
    dialect: Dialect | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """All files that it has rows of."""
        return self.file, *self.further

    @property
    def is_whole_file(self) -> bool:
        """Whether it is no range."""
        return self.start == 0 and self.stop is None

    @property
    def rank(self) -> int:
        """Whose rows stay where rows are the same: those of a test file, then those of an eval file, then others."""
        return _RANKS.get(self.split or "", len(_RANKS))


def shards_of(
    files: Mapping[str, str | None], config: SourceConfig, shard_bytes: int = SHARD_BYTES, one_file_each: bool = False
) -> list[Shard]:
    """Shards of a source's files, in their order.

    Large files of lines are cut, if they are not compressed. Small files of the same split that follow one another
    share a shard.

    Args:
        files: Each file with the split that its rows are, or None where they are shared out.
        config: Of the source.
        shard_bytes: Size of a range, and of the files that share a shard.
        one_file_each: Files share none.
    """
    shards: list[Shard] = []
    room = 0  # for further files in the last shard
    for file, split in files.items():
        ranges, dialect = _ranges(file, config, shard_bytes)
        size = _content_size(file, config) if len(ranges) == 1 else shard_bytes
        if shards and not one_file_each and size <= room and shards[-1].split == split:
            shards[-1] = dataclasses.replace(shards[-1], further=(*shards[-1].further, file))
            room -= size
            continue
        shards += [Shard(len(shards) + place, file, split, *ends, dialect=dialect) for place, ends in enumerate(ranges)]
        room = shard_bytes - size
    return shards


def _ranges(file: str, config: SourceConfig, shard_bytes: int) -> tuple[list[tuple[int, int | None]], Dialect | None]:
    """Of a file that is cut: beginnings and ends, and how its fields are parted."""
    whole: list[tuple[int, int | None]] = [(0, None)]
    if not is_splittable(config) or (size := size_of(file)) < 2 * shard_bytes or is_compressed(file):
        return whole, None
    dialect = None
    if isinstance(config, TableConfig) and config.format in DELIMITED:
        with readable(file, config, open_uncompressed) as stream:
            dialect = dialect_of_lines(stream, file, config, needed_columns(config))
        if dialect is None:
            return whole, None
    starts = range(0, size - shard_bytes // 2, shard_bytes)  # the last one may be half as large again
    return list(zip(starts, [*starts[1:], None], strict=True)), dialect


def _content_size(file: str, config: SourceConfig) -> int:
    """About how many bytes a file holds, decompressed."""
    size = size_of(file)
    is_dense = config.format in _DENSE_FORMATS or (is_compressed(file) and not is_member(file))
    return size * (_COMPRESSION if is_dense else 1)
