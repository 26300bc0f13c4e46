"""Puts rows in their order, a block at a time, so that no worker sorts more than a block.

A block is so many lines of a large file, or some small files that follow one another.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from ulmfit_tfx.components.prediction_writer.placed_row import PlacedRow
from ulmfit_tfx.components.reports.written_rows import Written
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.transforms.answered_rows.answered import AnsweredRow, flat, to_json
from ulmfit_tfx.transforms.answered_rows.layout import Kind, add_kinds, merged

_BLOCK_LINES = 20_000
"""Of a file's block; and records of the files that share one."""

_Summary = tuple[set[str], dict[str, tuple[tuple[str, int, int], Kind | None]]]
"""Files, and of each column where it comes up first and the kind of its values."""


class FilePlace(NamedTuple):
    """Where the rows of a file go.

    Attributes:
        number: Of the file, in the order of the input.
        group: Of the files that share blocks: number of the first of them.
        is_alone: Whether there are no others, so that lines tell the file's blocks apart.
    """

    number: int
    group: int
    is_alone: bool


def file_places(files: Mapping[str, int]) -> dict[str, FilePlace]:
    """Puts small files that follow one another together.

    >>> [place.group for place in file_places({"a": 9000, "b": 9000, "c": 9000, "large": 90_000, "d": 1}).values()]
    [0, 0, 2, 3, 4]

    Args:
        files: Of the input, in their order, with the number of their records.
    """
    groups: list[list[str]] = []
    room = 0
    for file, records in files.items():
        if not groups or records > room:
            groups.append([])
            room = _BLOCK_LINES
        groups[-1].append(file)
        room -= records
    numbers = {file: number for number, file in enumerate(files)}
    return {file: FilePlace(numbers[file], numbers[group[0]], len(group) == 1) for group in groups for file in group}


def block_of(row: PlacedRow, places: Mapping[str, FilePlace]) -> tuple[int, int]:
    """Numbers of the group and of the block in it that a row belongs to."""
    place = places[row.file]
    return place.group, row.line // _BLOCK_LINES if place.is_alone else 0


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

    def __init__(self, folder: str, source: SourceConfig, answers: Mapping[str, Kind], places: Mapping[str, FilePlace]):
        self.folder = folder
        self.places = places
        self.source = source
        self.answers = answers

    def process(self, block: tuple[tuple[int, int], Iterable[PlacedRow]], summary: dict[str, Any]) -> None:
        """Writes a block.

        Args:
            block: Its numbers, see `block_of`, and its rows.
            summary: Of `Columns`.
        """
        (group, number), rows = block
        layout = Written(**summary).layout(self.answers, self.source)
        path = f"{self.folder}/predictions-{group:08d}-{number:06d}.jsonl"
        with FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED) as stream:
            for row in sorted(rows, key=lambda row: (self.places[row.file].number, row.line, row.number)):
                line = to_json(flat(AnsweredRow(row.asked, row.answer), layout))
                stream.write(f"{line}\n".encode())
