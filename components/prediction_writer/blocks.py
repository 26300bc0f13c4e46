"""Puts rows in their order, a block of a file's lines at a time, so that no worker sorts more than a block."""

from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from ulmfit_tfx.components.prediction_writer.placed_row import PlacedRow
from ulmfit_tfx.components.reports.written_rows import Written
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.transforms.answered_rows.answered import AnsweredRow, flat, to_json
from ulmfit_tfx.transforms.answered_rows.layout import Kind, add_kinds, merged

_BLOCK_LINES = 20_000

_Summary = tuple[set[str], dict[str, tuple[tuple[str, int, int], Kind | None]]]
"""Files, and of each column where it comes up first and the kind of its values."""


def block_of(row: PlacedRow) -> tuple[str, int]:
    """File and number of the block that a row belongs to."""
    return row.file, row.line // _BLOCK_LINES


class Columns(beam.CombineFn):
    """The files and columns of all rows: `files`, sorted, and `columns` with their kinds, in the order of the input."""

    def create_accumulator(self) -> _Summary:
        """Nothing."""
        return set(), {}

    def add_input(self, summary: _Summary, row: PlacedRow) -> _Summary:
        """A row more."""
        files, columns = summary
        files.add(row.file)
        kinds: dict[str, Kind | None] = {}
        add_kinds(kinds, row.asked.columns)
        for index, (name, kind) in enumerate(kinds.items()):
            _add(columns, name, (row.file, row.line, index), kind)
        return summary

    def merge_accumulators(self, summaries: Iterable[_Summary]) -> _Summary:
        """Several together."""
        files, columns = self.create_accumulator()
        for other_files, other_columns in summaries:
            files |= other_files
            for name, (place, kind) in other_columns.items():
                _add(columns, name, place, kind)
        return files, columns

    def extract_output(self, summary: _Summary) -> dict[str, Any]:
        """As JSON has it."""
        files, columns = summary
        in_order = sorted(columns, key=lambda name: columns[name][0])
        return {"files": sorted(files), "columns": {name: columns[name][1] or "text" for name in in_order}}


def _add(columns: dict[str, Any], name: str, place: tuple[str, int, int], kind: Kind | None) -> None:
    first, earlier = columns.get(name, (place, None))
    columns[name] = (min(first, place), merged(earlier, kind))


class WriteBlock(beam.DoFn):
    """Writes the rows of a block as a file of JSON Lines, in their order."""

    def __init__(self, folder: str, source: SourceConfig, answers: Mapping[str, Kind]):
        self.folder = folder
        self.source = source
        self.answers = answers

    def process(self, block: tuple[tuple[str, int], Iterable[PlacedRow]], summary: dict[str, Any]) -> None:
        """Writes a block.

        Args:
            block: Its file and number, and its rows.
            summary: Of `Columns`.
        """
        (file, number), rows = block
        written = Written(**summary)
        layout = written.layout(self.answers, self.source)
        path = f"{self.folder}/predictions-{written.files.index(file):05d}-{number:06d}.jsonl"
        with FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED) as stream:
            for row in sorted(rows, key=lambda row: (row.line, row.number)):
                line = to_json(flat(AnsweredRow(row.asked, row.answer), layout))
                stream.write(f"{line}\n".encode())
