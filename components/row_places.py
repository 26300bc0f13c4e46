"""Where the rows of examples come from: files beside them, which neither schema nor statistics nor model see.

The files lie in the artifact's folder `places`, in folders of splits as the examples do, and hold JSON: of some rows of
a shard that follow one another their file, lines and records. Over all files of a split they are in the order of its
examples. Whoever reads a range of a file does not know how many records come before it: how many each shard has is
written when all of them are read.
"""

import itertools
import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, overload

from ulmfit_tfx.components.record_files import read_batches

if TYPE_CHECKING:
    from tfx import types

_FOLDER, _SHARDS = "places", "shards.json"


class RowPlace(NamedTuple):
    """The place of a row.

    Attributes:
        file: Its file; of an archive `ARCHIVE!/MEMBER`.
        line: Line that it begins on, from 1; of Parquet and Excel its row.
        record: Its number among the records of the file, from 1, whatever became of the others. Header and blank lines
            are none. Rows that clean-up makes of one text have the same.
    """

    file: str
    line: int
    record: int


def places_folder(artifact: str) -> str:
    """Where the places are of an artifact's rows, as an artifact of its own for `record_files`."""
    return f"{artifact}/{_FOLDER}"


def serialized_places(places: Iterable[RowPlace], shard: int) -> list[bytes]:
    """Places of rows of a shard that follow one another.

    Args:
        places: With numbers of records from the shard's beginning.
        shard: Its number.
    """
    return [
        json.dumps({"shard": shard, "file": file, "at": [place[1:] for place in of_file]}).encode()
        for file, of_file in itertools.groupby(places, key=lambda place: place.file)
    ]


def write_shards(artifact: str, shards: Mapping[int, Mapping[str, int]]) -> None:
    """Says how many records each shard has of each file that it reads, by the shards' numbers."""
    import tensorflow as tf

    with tf.io.gfile.GFile(f"{places_folder(artifact)}/{_SHARDS}", "w") as file:
        file.write(json.dumps([[number, shards[number]] for number in sorted(shards)], ensure_ascii=False))


def _read_shards(artifact: str) -> list[tuple[int, dict[str, int]]]:
    import tensorflow as tf

    with tf.io.gfile.GFile(f"{places_folder(artifact)}/{_SHARDS}") as file:
        return [(number, files) for number, files in json.loads(file.read())]


def read_files(artifact: str) -> dict[str, int]:
    """The files of an artifact's source, in the order in which they were read, with the number of their records.

    Args:
        artifact: Of CorpusIngest.
    """
    records: dict[str, int] = {}
    for _, files in _read_shards(artifact):
        for file, count in files.items():
            records[file] = records.get(file, 0) + count
    return records


def records_before(shards: Iterable[tuple[int, Mapping[str, int]]]) -> dict[int, int]:
    """How many records of its file come before each shard that is a range: 0 for others.

    >>> records_before([(0, {"a": 5, "b": 1}), (1, {"large": 30}), (2, {"large": 20})])
    {0: 0, 1: 0, 2: 30}

    Args:
        shards: Their numbers, in order, with the files that they have records of and how many.
    """
    before: dict[int, int] = {}
    records: dict[str, int] = {}
    for number, files in shards:
        before[number] = 0
        for file, count in files.items():
            before[number] = records.get(file, 0)
            records[file] = before[number] + count
    return before


class RowPlaces(Sequence[RowPlace]):
    """The places of many rows, in 20 bytes each."""

    def __init__(self) -> None:
        self._files: dict[str, int] = {}
        self._names: list[str] = []
        self._of_file, self._lines, self._records = array("i"), array("q"), array("q")

    def append(self, place: RowPlace) -> None:
        """Adds the place of one more row."""
        if place.file not in self._files:
            self._files[place.file] = len(self._names)
            self._names.append(place.file)
        self._of_file.append(self._files[place.file])
        self._lines.append(place.line)
        self._records.append(place.record)

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> RowPlace: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[RowPlace]: ...

    def __getitem__(self, index: int | slice) -> RowPlace | Sequence[RowPlace]:
        if isinstance(index, slice):
            return [self[each] for each in range(len(self))[index]]
        return RowPlace(self._names[self._of_file[index]], self._lines[index], self._records[index])


def read_places(examples: "types.Artifact", split: str) -> RowPlaces:
    """The places of a split's rows, in the order in which `example_rows.read_rows` gives them.

    Args:
        examples: Of CorpusIngest.
        split: One of its splits.
    """
    import tensorflow as tf

    folder = places_folder(examples.uri)
    before = records_before(_read_shards(examples.uri))
    places = RowPlaces()
    for serialized in read_batches(sorted(tf.io.gfile.glob(f"{folder}/Split-{split}/*"))):
        for run in map(json.loads, serialized):
            for line, record in run["at"]:
                places.append(RowPlace(run["file"], line, before[run["shard"]] + record))
    return places
