"""A corpus of token ids on disk that is read from any document on, in memory that does not grow with it.

Transform writes compressed TFRecords, which can only be read from their beginning. A training that shuffles documents
and goes on after a kill needs any of them at once: one pass writes them out with an index.
"""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import tensorflow as tf

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.feature_names import TOKEN_IDS

_IDS, _ENDS, _FACTS = "ids.bin", "ends.bin", "corpus.json"
_PARSED_TOGETHER = 256
_COUNTED_TOGETHER = 2**22


@dataclasses.dataclass(frozen=True)
class TokenCorpus:
    """Documents of token ids.

    folder/
        ids.bin        all ids, document after document, little-endian integers of `dtype`
        ends.bin       int64: where each document ends, counted in ids
        corpus.json    the other attributes

    Attributes:
        folder: Where it lies.
        documents: How many there are. None is empty.
        pieces: Ids of all documents.
        dtype: `uint16` or `int32`.
        fingerprint: Of the documents, whatever their order.
    """

    folder: Path
    documents: int
    pieces: int
    dtype: str
    fingerprint: str

    @classmethod
    def open(cls, folder: Path) -> "TokenCorpus | None":
        """The corpus that `write_corpus` wrote there, or None."""
        try:
            return cls(folder, **json.loads((folder / _FACTS).read_text()))
        except FileNotFoundError:
            return None

    def lengths(self, documents: np.ndarray) -> np.ndarray:
        """Ids of some documents: int64 [n], from their numbers, int64 [n]."""
        begins, ends = self._bounds(documents)
        return ends - begins

    def read(self, documents: np.ndarray) -> list[np.ndarray]:
        """Ids of some documents, int32 [length] each, from their numbers, int64 [n]."""
        begins, ends = self._bounds(documents)
        size = np.dtype(self.dtype).itemsize
        with open(self.folder / _IDS, "rb", buffering=0) as file:
            return [self._slice(file, begin * size, end - begin) for begin, end in zip(begins, ends, strict=True)]

    def counts(self, vocab_size: int) -> np.ndarray:
        """How often each piece occurs, int64 [vocab_size]."""
        counts = np.zeros(vocab_size, np.int64)
        for begin in range(0, self.pieces, _COUNTED_TOGETHER):
            ids = np.memmap(self.folder / _IDS, self.dtype, "r")[begin : begin + _COUNTED_TOGETHER]
            counts += np.bincount(ids, minlength=vocab_size)
        return counts

    def _slice(self, file: BinaryIO, offset: int, count: int) -> np.ndarray:
        file.seek(offset)
        return np.fromfile(file, self.dtype, count).astype(np.int32)

    def _bounds(self, documents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        all_ends = np.memmap(self.folder / _ENDS, np.int64, "r")  # mapped anew each time: its pages are given back
        begins = np.where(documents > 0, all_ends[np.maximum(documents - 1, 0)], 0)
        return begins, np.asarray(all_ends[documents])


def write_corpus(documents: Iterable[np.ndarray], folder: Path, vocab_size: int) -> TokenCorpus:
    """Writes a corpus, complete before it can be found.

    Args:
        documents: Ids of each, int [length]. Empty ones are left out.
        folder: Where to, named after the split. What is there is replaced.
        vocab_size: Ids are below it.

    Raises:
        DataError: There are no ids.
    """
    dtype = "uint16" if vocab_size <= 2**16 else "int32"
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    count = pieces = fingerprint = 0
    with open(unfinished / _IDS, "wb") as ids_file, open(unfinished / _ENDS, "wb") as ends_file:
        for ids in documents:
            if not len(ids):
                continue
            content = ids.astype(dtype).tobytes()
            ids_file.write(content)
            count, pieces = count + 1, pieces + len(ids)
            ends_file.write(np.int64(pieces).tobytes())
            fingerprint += int.from_bytes(hashlib.blake2b(content, digest_size=16).digest(), "big")
    if not pieces:
        split = folder.name
        raise DataError(f"the corpus has no text in its {split} split, whose share is corpus.splits.{split}.")
    corpus = TokenCorpus(folder, count, pieces, dtype, f"{fingerprint % 2**128:032x}")
    facts = {name: value for name, value in dataclasses.asdict(corpus).items() if name != "folder"}
    (unfinished / _FACTS).write_text(json.dumps(facts, indent=2))
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
    return corpus


def documents_of(files: Sequence[str]) -> Iterator[np.ndarray]:
    """Token ids, int64 [length] each, of the transformed examples in TFRecord files (gzip)."""
    features = {TOKEN_IDS: tf.io.RaggedFeature(tf.int64)}
    records = tf.data.TFRecordDataset(list(files), compression_type="GZIP").batch(_PARSED_TOGETHER)
    for batch in records.map(lambda serialized: tf.io.parse_example(serialized, features)[TOKEN_IDS]).prefetch(1):
        yield from np.split(batch.values.numpy(), batch.row_splits.numpy()[1:-1])
