"""Statistics of a corpus as files."""

import dataclasses
import hashlib
import io
import json
from typing import Any

import numpy as np
import tensorflow as tf

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.terms import inverse_document_frequencies

FORMAT = 1
FACTS_FILE = "statistics.json"
_ARRAYS = ("piece_counts", "document_frequencies", "vectors", "topics")


@dataclasses.dataclass(frozen=True)
class CorpusStatistics:
    """What is known of a tokenizer's pieces from a corpus.

    folder/
        statistics.json             format, documents, and a digest of each of the other files
        piece_counts.npy            int64 [vocab]
        document_frequencies.npy    int64 [terms]
        vectors.npy                 float32 [vocab, vector size]
        topics.npy                  float32 [terms, topics]

    Terms are those of `transforms.terms.piece_terms`: the pieces, then their hashed pairs.

    Attributes:
        documents: Texts that were counted.
        piece_counts: How often each piece occurs.
        document_frequencies: In how many texts each term occurs.
        vectors: See `piece_vectors`.
        topics: See `topic_basis`.
    """

    documents: int
    piece_counts: np.ndarray
    document_frequencies: np.ndarray
    vectors: np.ndarray
    topics: np.ndarray

    @property
    def vocab_size(self) -> int:
        """Pieces of the tokenizer."""
        return len(self.piece_counts)

    @property
    def buckets(self) -> int:
        """Of hashed pairs."""
        return len(self.document_frequencies) - self.vocab_size

    @property
    def inverse_document_frequencies(self) -> np.ndarray:
        """Of the terms, float32 [terms]."""
        return inverse_document_frequencies(self.document_frequencies, self.documents)

    def write(self, folder: str) -> None:
        """Writes the files."""
        tf.io.gfile.makedirs(folder)
        digests = {}
        for name in _ARRAYS:
            content = io.BytesIO()
            np.save(content, getattr(self, name), allow_pickle=False)
            digests[name] = hashlib.sha256(content.getvalue()).hexdigest()
            with tf.io.gfile.GFile(f"{folder}/{name}.npy", "wb") as file:
                file.write(content.getvalue())
        with tf.io.gfile.GFile(f"{folder}/{FACTS_FILE}", "w") as file:
            file.write(json.dumps({"format": FORMAT, "documents": self.documents, "sha256": digests}, indent=2))

    @classmethod
    def read(cls, folder: str) -> "CorpusStatistics":
        """Reads the files.

        Raises:
            DataError: They are of another format, or not as they were written.
        """
        try:
            with tf.io.gfile.GFile(f"{folder}/{FACTS_FILE}") as file:
                facts = json.loads(file.read())
            if facts["format"] != FORMAT:
                raise DataError(f"{folder}: has statistics of format {facts['format']}, expected {FORMAT}.")
            return cls(facts["documents"], **{name: _array(folder, name, facts) for name in _ARRAYS})
        except (tf.errors.OpError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{folder}: its statistics cannot be read: {error}") from None


def _array(folder: str, name: str, facts: dict[str, Any]) -> np.ndarray:
    with tf.io.gfile.GFile(f"{folder}/{name}.npy", "rb") as file:
        content = file.read()
    if hashlib.sha256(content).hexdigest() != facts["sha256"][name]:
        raise DataError(f"{folder}/{name}.npy: is not as it was written.")
    return np.load(io.BytesIO(content), allow_pickle=False)
