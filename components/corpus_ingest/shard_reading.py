"""Reads the rows of a shard: opens, parses, cleans up, and counts what was read."""

import contextlib
import dataclasses
import io
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.shards import Shard
from ulmfit_tfx.components.corpus_ingest.source_files import open_uncompressed, readable
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.transforms.corpus_cleanup.row_cleanup import cleaned_up
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.formats import parse
from ulmfit_tfx.transforms.records.kept_columns import with_text
from ulmfit_tfx.transforms.records.line_ranges import align, count_line_ends, lines_before_range, range_stream
from ulmfit_tfx.transforms.records.record import Refusal, Row
from ulmfit_tfx.transforms.splitting import is_sampled

_SAMPLED_OUT = "not in the sample"


@dataclasses.dataclass
class ReadCounts:
    """What was read of a shard.

    Attributes:
        records: Records that the parser found, good or bad.
        split_off: Rows that there are more than records, because texts were split into sentences.
    """

    records: int = 0
    split_off: int = 0


def read_shard(
    shard: Shard, ingestion: Ingestion, label_map: Mapping[str, str] | None, lines_before: int, counts: ReadCounts
) -> Iterator[Row | Refusal | Drop]:
    """Streams the rows of a shard, each cleaned up, or why there is none.

    Args:
        shard: What to read.
        ingestion: How.
        label_map: Of the source, where it has one.
        lines_before: Lines of the file before the shard's.
        counts: Is brought up to date with every record.

    Raises:
        DataError: The file cannot be read as configured.
    """
    source = ingestion.source
    with _opened(shard, source) as (stream, lines_added):
        moved_by = lines_before - lines_added
        records = parse(
            stream, shard.file, source, ingestion.tagging, ingestion.separator, label_map, keep_all=ingestion.asked
        )
        for record in records:
            if isinstance(record, Refusal) and record.line <= lines_added:
                continue  # the empty line that is put before a range
            counts.records += 1
            if isinstance(record, Row):
                counts.split_off -= 1
                for row in cleaned_up(record, source.corpus_cleanup):
                    counts.split_off += 1
                    yield _in_place(row, source, moved_by) if ingestion.asked and isinstance(row, Row) else row
            elif isinstance(record, Refusal) and not shard.is_whole_file:
                yield dataclasses.replace(record, line=record.line + moved_by)
            else:
                yield record


def _in_place(row: Row, source: SourceConfig, moved_by: int) -> Row:
    """A row with the line of its file, and its text as the clean-up left it among its columns."""
    return dataclasses.replace(with_text(row, source), line=None if row.line is None else row.line + moved_by)


def sampled(rows: Iterator[Row | Refusal | Drop], source: SourceConfig, seed: int) -> Iterator[Row | Refusal | Drop]:
    """The same, with a rule in the place of rows that are not in the sample."""
    for row in rows:
        is_left_out = isinstance(row, Row) and not is_sampled(row.text, seed, source.sample_fraction)
        yield Drop(_SAMPLED_OUT) if is_left_out else row


def line_ends(shard: Shard, source: SourceConfig) -> int:
    """How many lines end in a shard, which is a range of lines."""
    with readable(shard.file, source, open_uncompressed) as stream:
        return count_line_ends(stream, *_aligned(stream, shard))


@contextlib.contextmanager
def _opened(shard: Shard, source: SourceConfig) -> Iterator[tuple[BinaryIO, int]]:
    """A shard's bytes, and the number of lines put before them so that they read as a file of their own."""
    if shard.is_whole_file:
        with readable(shard.file, source) as stream:
            yield stream, 0
        return
    with readable(shard.file, source, open_uncompressed) as stream:
        start, stop = _aligned(stream, shard)
        if start == 0:
            yield range_stream(stream, start, stop), 0
            return
        before = lines_before_range(stream, source)
        yield io.BufferedReader(_Joined(b"".join(before), range_stream(stream, start, stop))), len(before)


def _aligned(stream: BinaryIO, shard: Shard) -> tuple[int, int]:
    start = align(stream, shard.start)
    stop = stream.seek(0, io.SEEK_END) if shard.stop is None else align(stream, shard.stop)
    return start, stop


class _Joined(io.RawIOBase):
    """Some bytes, and a stream after them."""

    def __init__(self, before: bytes, stream: BinaryIO):
        self.before = before
        self.stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self.before[: len(buffer)] or self.stream.read(len(buffer))
        self.before = self.before[len(data) :] if self.before else b""
        buffer[: len(data)] = data
        return len(data)
