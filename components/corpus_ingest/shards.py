"""Cuts a source into shards, which workers read side by side."""

import dataclasses
from collections.abc import Iterable, Mapping

from ulmfit_tfx.components.corpus_ingest.source_files import is_compressed, open_uncompressed, readable, size_of
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.table import DELIMITED, TableConfig
from ulmfit_tfx.transforms.records.delimited import Dialect
from ulmfit_tfx.transforms.records.dialects import dialect_of_lines
from ulmfit_tfx.transforms.records.formats import needed_columns
from ulmfit_tfx.transforms.records.line_ranges import is_splittable
from ulmfit_tfx.transforms.splitting import EVAL, TEST

SHARD_BYTES = 16 << 20
_RANKS = {TEST: 0, EVAL: 1}


@dataclasses.dataclass(frozen=True)
class Shard:
    """A file, or a range of its lines.

    Attributes:
        number: Counts the shards of a source, in the order of files and ranges.
        file: Its path.
        split: The split that all of its rows are, or None where they are shared out.
        start: First byte of the range; the range begins with the next line that begins there or later. 0: the file's
            beginning.
        stop: End of the range, likewise. None: the end of the file.
        dialect: Of a range of delimited text: its file's.
    """

    number: int
    file: str
    split: str | None
    start: int = 0
    stop: int | None = None
    dialect: Dialect | None = None

    @property
    def is_whole_file(self) -> bool:
        """Whether it is no range."""
        return self.start == 0 and self.stop is None

    @property
    def rank(self) -> int:
        """Whose rows stay where rows are the same: those of a test file, then those of an eval file, then others."""
        return _RANKS.get(self.split or "", len(_RANKS))


def shards_of(files: Mapping[str, str | None], config: SourceConfig, shard_bytes: int = SHARD_BYTES) -> list[Shard]:
    """Shards of a source's files. Large files of lines are cut, if they are not compressed.

    Args:
        files: Each file with the split that its rows are, or None where they are shared out.
        config: Of the source.
        shard_bytes: Size of a range.
    """
    ranges = [
        (file, split, *of_file) for file, split in files.items() for of_file in _ranges(file, config, shard_bytes)
    ]
    return [Shard(number, *of_file) for number, of_file in enumerate(ranges)]


def _ranges(file: str, config: SourceConfig, shard_bytes: int) -> Iterable[tuple[int, int | None, Dialect | None]]:
    whole = [(0, None, None)]
    if not is_splittable(config) or is_compressed(file) or (size := size_of(file)) < 2 * shard_bytes:
        return whole
    dialect = None
    if isinstance(config, TableConfig) and config.format in DELIMITED:
        with readable(file, config, open_uncompressed) as stream:
            dialect = dialect_of_lines(stream, file, config, needed_columns(config))
        if dialect is None:
            return whole
    starts = range(0, size - shard_bytes // 2, shard_bytes)  # the last one may be half as large again
    return [(start, stop, dialect) for start, stop in zip(starts, [*starts[1:], None], strict=True)]
