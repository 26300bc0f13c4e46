"""Files of TFRecords in the splits of an artifact, written and read by the batch.

Beam's own source and sink handle one record at a time, which costs more than most of what is done to a record, and
number the files of several workers by chance. These are numbered by what they were made from, so that the order of all
records is the same for any number of workers. What writes imports no TensorFlow, for which each worker would wait.
"""

import dataclasses
import gzip
import io
import struct
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import google_crc32c
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

_NAME = "data_tfrecord"
_UNFINISHED = "unfinished"
_FAST = 1
"""Level of gzip: several times as fast as the usual 6, for files a fifth larger."""
_PART_BYTES = 32 << 20
_BATCH_RECORDS, _BATCH_BYTES = 1000, 1 << 20
_READ_AT_ONCE = 32
"""Records that TensorFlow hands over together: they may be large, so they are few."""


@dataclasses.dataclass(frozen=True)
class Part:
    """A complete file that has no place among the others yet.

    Attributes:
        split: The split that its records belong to.
        shard: Number of what its records were made from.
        number: Among the parts of the same shard.
        path: Where it lies.
        records: How many there are.
    """

    split: str
    shard: int
    number: int
    path: str
    records: int


def prepare(artifact: str) -> None:
    """Makes the folder that workers write to."""
    import tensorflow as tf

    tf.io.gfile.makedirs(f"{artifact}/{_UNFINISHED}")


class PartsWriter:
    """Writes the records of one shard that belong to one split, into files of bounded size."""

    def __init__(self, artifact: str, split: str, shard: int):
        self.folder = f"{artifact}/{_UNFINISHED}"
        self.split = split
        self.shard = shard
        self.parts: list[Part] = []
        self._file: _CompressedFile | None = None
        self._records = 0

    def write(self, records: Sequence[bytes]) -> None:
        """Adds serialized records."""
        if self._file is None:
            # A name of its own: a worker that Beam gave up may still write while another does its work again.
            self._file = _CompressedFile(f"{self.folder}/{uuid.uuid4().hex}.gz")
        self._file.write(framed(records))
        self._records += len(records)
        if self._file.size >= _PART_BYTES:
            self._finish()

    def close(self) -> list[Part]:
        """All parts, complete."""
        if self._file is not None:
            self._finish()
        return self.parts

    def _finish(self) -> None:
        assert self._file is not None
        self._file.close()
        self.parts.append(Part(self.split, self.shard, len(self.parts), self._file.path, self._records))
        self._file, self._records = None, 0


class _CompressedFile:
    def __init__(self, path: str):
        self.path = path
        self.size = 0
        self._file = FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED)
        self._stream = gzip.GzipFile(filename="", mode="wb", compresslevel=_FAST, fileobj=self._file, mtime=0)

    def write(self, data: bytes) -> None:
        self._stream.write(data)
        self.size += len(data)

    def close(self) -> None:
        self._stream.close()
        self._file.close()


def publish(parts: Iterable[Part], artifact: str, splits: Sequence[str]) -> None:
    """Gives parts their places: `Split-NAME/data_tfrecord-00000-of-00002.gz`, in the order of shards and parts.

    `prepare` has been called. A split without parts gets one empty file. What else was written, by workers that Beam
    gave up, is removed.
    """
    import tensorflow as tf

    ordered = sorted(parts, key=lambda part: (part.shard, part.number))
    for split in splits:
        folder = f"{artifact}/Split-{split}"
        tf.io.gfile.makedirs(folder)
        paths = [part.path for part in ordered if part.split == split]
        if not paths:
            _CompressedFile(f"{folder}/{_NAME}-00000-of-00001.gz").close()
        for number, path in enumerate(paths):
            tf.io.gfile.rename(path, f"{folder}/{_NAME}-{number:05d}-of-{len(paths):05d}.gz", overwrite=True)
    tf.io.gfile.rmtree(f"{artifact}/{_UNFINISHED}")


def framed(records: Iterable[bytes]) -> bytes:
    """Records in TFRecord's framing: length, its checksum, the record, its checksum."""
    data = io.BytesIO()
    for record in records:
        length = struct.pack("<Q", len(record))
        data.write(length)
        data.write(_checksum(length))
        data.write(record)
        data.write(_checksum(record))
    return data.getvalue()


def _checksum(data: bytes) -> bytes:
    """Masked CRC-32C, as TensorFlow's lib/hash/crc32c.h has it."""
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def read_batches(files: Any) -> Iterator[list[bytes]]:
    """Streams the records of gzip TFRecord files, in their order, in batches of bounded size.

    A batch has at most 1,000 records, and at most a MiB unless a few records are larger.

    Args:
        files: A path or several.
    """
    import tensorflow as tf

    batch: list[bytes] = []
    size = 0
    dataset = tf.data.TFRecordDataset(files, compression_type="GZIP", buffer_size=1 << 20)
    for records in dataset.batch(_READ_AT_ONCE).as_numpy_iterator():
        batch.extend(records)
        size += sum(map(len, records))
        if size >= _BATCH_BYTES or len(batch) > _BATCH_RECORDS - _READ_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
