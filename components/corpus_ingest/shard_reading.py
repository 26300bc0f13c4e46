"""Reads the rows of a shard: opens, parses, cleans up, and counts what was read."""

import contextlib
import dataclasses
import io
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.shards import Shard
from ulmfit_tfx.components.corpus_ingest.source_files import open_uncompressed, readable
from ulmfit_tfx.components.row_places import RowPlace
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.transforms.corpus_cleanup.row_cleanup import cleaned_up
from ulmfit_tfx.transforms.records.dialects import in_dialect
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.formats import parse
from ulmfit_tfx.transforms.records.joined_stream import JoinedStream
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
        begun: The shard's files up to that of the last record, with the number of records before each.
    """

    records: int = 0
    split_off: int = 0
    begun: list[tuple[str, int]] = dataclasses.field(default_factory=list, compare=False)

    def begin(self, file: str) -> None:
        """Counts the records of one more file."""
        self.begun.append((file, self.records))

    def place_of(self, row: Row) -> RowPlace:
        """The place of a row of the last record."""
        file, records_of_others = self.begun[-1]
        return RowPlace(file, row.line or 1, self.records - records_of_others)

    def by_file(self) -> dict[str, int]:
        """Records of each file, or of the range of it that the shard is."""
        ends = [*(before for _, before in self.begun[1:]), self.records]
        return {file: end - before for (file, before), end in zip(self.begun, ends, strict=True)}


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
    for record in _records(shard, ingestion, label_map, lines_before, counts):
        counts.records += 1
        if isinstance(record, Row):
            counts.split_off -= 1
            for row in cleaned_up(record, source.corpus_cleanup):
                counts.split_off += 1
                yield with_text(row, source) if ingestion.asked and isinstance(row, Row) else row
        else:
            yield record


def _records(
    shard: Shard, ingestion: Ingestion, label_map: Mapping[str, str] | None, lines_before: int, counts: ReadCounts
) -> Iterator[Row | Refusal | Drop]:
    source = ingestion.source if shard.dialect is None else in_dialect(ingestion.source, shard.dialect)
    for file in shard.files:
        counts.begin(file)
        with _opened(file, shard, source) as (stream, lines_added):
            records = parse(
                stream,
                file,
                source,
                ingestion.tagging,
                ingestion.separator,
                label_map,
                keep_all=ingestion.asked,
                row_groups=shard.row_groups,
                classes=ingestion.class_places,
            )
            for record in _as_served(records, ingestion.tagging):
                if lines_added and isinstance(record, Refusal) and record.line <= lines_added:
                    continue  # the empty line that is put before a range
                if shard.is_range_of_lines and isinstance(record, Row | Refusal) and record.line is not None:
                    yield dataclasses.replace(record, line=record.line + lines_before - lines_added)
                else:
                    yield record


def _as_served(records: Iterator[Row | Refusal | Drop], tagging: TagsConfig | None) -> Iterator[Row | Refusal | Drop]:
    """The same, words recut where that is asked for."""
    if tagging is None or not tagging.recut:
        return records
    from ulmfit_tfx.transforms.records.recut_words import recut  # imports TensorFlow

    return recut(records, tagging)


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
def _opened(file: str, shard: Shard, source: SourceConfig) -> Iterator[tuple[BinaryIO, int]]:
    """The bytes of a file in a shard, or of the range of it that the shard is, and the number of lines put before them.

    With these a range reads as a file of its own.
    """
    if not shard.is_range_of_lines:
        with readable(file, source) as stream:
            yield stream, 0
        return
    with readable(file, source, open_uncompressed) as stream:
        start, stop = _aligned(stream, shard)
        if start == 0:
            yield range_stream(stream, start, stop), 0
            return
        before = lines_before_range(stream, source)
        yield io.BufferedReader(JoinedStream(b"".join(before), range_stream(stream, start, stop))), len(before)


def _aligned(stream: BinaryIO, shard: Shard) -> tuple[int, int]:
    start = align(stream, shard.start)
    stop = stream.seek(0, io.SEEK_END) if shard.stop is None else align(stream, shard.stop)
    return start, stop
