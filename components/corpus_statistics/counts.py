"""Counts of a part of a corpus, and the files that workers leave them in."""

import dataclasses
import heapq
import io
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
import scipy.sparse
import tensorflow as tf

from ulmfit_tfx.schemas.config.corpus_statistics import CorpusStatisticsConfig
from ulmfit_tfx.transforms.statistics.counting import cooccurrences, pruned
from ulmfit_tfx.transforms.terms import piece_terms

_Sampled = tuple[int, bytes]


@dataclasses.dataclass
class Counts:
    """Counts of texts.

    Attributes:
        config: Sizes.
        vocab_size: Pieces of the tokenizer.
        documents: Texts.
        pieces: int64 [vocab], how often each occurs.
        frequencies: int64 [vocab + buckets], in how many texts each term occurs.
        pairs: int64 [vocab, vocab], see `cooccurrences`.
        sample: Of the texts that topics are computed from, a number by chance and ids; those with the lowest numbers.
    """

    config: CorpusStatisticsConfig
    vocab_size: int
    documents: int
    pieces: np.ndarray
    frequencies: np.ndarray
    pairs: scipy.sparse.csr_matrix
    sample: list[_Sampled]

    @classmethod
    def nothing(cls, config: CorpusStatisticsConfig, vocab_size: int) -> "Counts":
        """Of no text."""
        pairs = scipy.sparse.csr_matrix((vocab_size, vocab_size), dtype=np.int64)
        terms = vocab_size + config.pair_buckets
        return cls(config, vocab_size, 0, np.zeros(vocab_size, np.int64), np.zeros(terms, np.int64), pairs, [])

    def count(self, texts: Sequence[np.ndarray]) -> None:
        """Counts a batch of texts, int32 [pieces] each."""
        self.documents += len(texts)
        self.pieces += np.bincount(np.concatenate(texts), minlength=self.vocab_size)
        ids = tf.RaggedTensor.from_row_lengths(np.concatenate(texts), [len(text) for text in texts])
        terms = piece_terms(ids, self.vocab_size, self.config.pair_buckets)
        keys = tf.unique(terms.value_rowids() * len(self.frequencies) + terms.flat_values)[0].numpy()
        self.frequencies += np.bincount(keys % len(self.frequencies), minlength=len(self.frequencies))
        self._add_pairs(cooccurrences(texts, self.vocab_size, self.config.window))
        self._add_sample(map(self._sampled, texts))

    def add(self, other: "Counts") -> None:
        """Adds counts of other texts."""
        self.documents += other.documents
        self.pieces += other.pieces
        self.frequencies += other.frequencies
        self._add_pairs(other.pairs)
        self._add_sample(other.sample)

    def texts(self) -> list[np.ndarray]:
        """The sampled texts, int32 [pieces] each."""
        return [np.frombuffer(ids, np.int32) for _, ids in sorted(self.sample)]

    def _add_pairs(self, pairs: scipy.sparse.csr_matrix) -> None:
        self.pairs = pruned(self.pairs + pairs, self.config.max_pairs)

    def _sampled(self, text: np.ndarray) -> _Sampled:
        ids = text[: self.config.topic_pieces].astype(np.int32).tobytes()
        return zlib.crc32(ids), ids

    def _add_sample(self, texts: Iterable[_Sampled]) -> None:
        self.sample = heapq.nsmallest(self.config.topic_texts, [*self.sample, *texts])

    def write(self, path: str) -> None:
        """Writes all but the configuration."""
        content = io.BytesIO()
        np.savez(
            content,
            documents=self.documents,
            pieces=self.pieces,
            frequencies=self.frequencies,
            data=self.pairs.data,
            indices=self.pairs.indices,
            indptr=self.pairs.indptr,
            keys=np.array([key for key, _ in self.sample], np.int64),
            lengths=np.array([len(ids) for _, ids in self.sample], np.int64),
            ids=np.frombuffer(b"".join(ids for _, ids in self.sample), np.uint8),
        )
        with tf.io.gfile.GFile(path, "wb") as file:
            file.write(content.getvalue())

    @classmethod
    def read(cls, path: str, config: CorpusStatisticsConfig, vocab_size: int) -> "Counts":
        """Reads what `write` wrote."""
        with tf.io.gfile.GFile(path, "rb") as file, np.load(io.BytesIO(file.read()), allow_pickle=False) as found:
            pairs = scipy.sparse.csr_matrix(
                (found["data"], found["indices"], found["indptr"]), (vocab_size, vocab_size)
            )
            ends = np.cumsum(found["lengths"])
            ids = found["ids"].tobytes()
            texts = [ids[end - length : end] for end, length in zip(ends, found["lengths"], strict=True)]
            sample = list(zip(found["keys"].tolist(), texts, strict=True))
            return cls(
                config,
                vocab_size,
                int(found["documents"]),
                found["pieces"],
                found["frequencies"],
                pairs,
                sample,
            )
