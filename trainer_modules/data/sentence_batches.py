"""Batches of a language model that sees each text by itself."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.trainer_modules.data.bptt_stream import Batch
from ulmfit_tfx.trainer_modules.data.document_order import DocumentOrder
from ulmfit_tfx.trainer_modules.data.task_batches import bucket_bounds
from ulmfit_tfx.trainer_modules.data.token_corpus import TokenCorpus

_BATCHES_SORTED_TOGETHER = 64


@dataclasses.dataclass(frozen=True)
class SentenceBatches:
    """Texts of like length in a batch, padded to one of a few widths.

    Attributes:
        corpus: The texts.
        batch_size: Rows. The last batch is filled up with rows of padding.
        pad_id: Fills rows, and stands among the targets where there is none.
        min_seq_len: Shorter texts are left out, in pieces.
        max_seq_len: Longer ones are cut, in pieces.
        backward: Whether texts are read from their end.
        texts: Texts that are long enough.
        pieces: Pieces that an epoch predicts.
    """

    corpus: TokenCorpus
    batch_size: int
    pad_id: int
    min_seq_len: int
    max_seq_len: int
    backward: bool
    texts: int
    pieces: int

    carries_state = False

    @classmethod
    def of(
        cls, corpus: TokenCorpus, batch_size: int, pad_id: int, min_seq_len: int, max_seq_len: int, backward: bool
    ) -> "SentenceBatches":
        """Counts the texts that are long enough.

        Raises:
            DataError: There are none.
        """
        texts = pieces = 0
        for lengths in _blocks(corpus, DocumentOrder(corpus.documents, None), 8192, corpus.lengths):
            kept = lengths[lengths >= min_seq_len]
            texts += len(kept)
            pieces += int(np.sum(np.minimum(kept, max_seq_len) - 1))
        if not texts:
            raise DataError(f"no text of the corpus has language_model.min_seq_len={min_seq_len} pieces.")
        return cls(corpus, batch_size, pad_id, min_seq_len, max_seq_len, backward, texts, pieces)

    def steps(self, epoch: int, seed: int) -> int:
        """Batches of an epoch."""
        return -(-self.texts // self.batch_size)

    def predicted(self, epoch: int, seed: int) -> int:
        """Pieces that an epoch predicts."""
        return self.pieces

    def epoch(self, number: int, seed: int, skip: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, in an order of its own, without the first `skip`."""
        random = np.random.default_rng([seed, number])
        for index, batch in enumerate(self._batches(DocumentOrder(self.corpus.documents, seed, number), random)):
            if index >= skip:
                yield self._padded(batch)

    def in_order(self) -> Iterator[Batch]:
        """All batches."""
        for batch in self._batches(DocumentOrder(self.corpus.documents, None), None):
            yield self._padded(batch)

    def _batches(self, order: DocumentOrder, random: np.random.Generator | None) -> Iterator[list[np.ndarray]]:
        pool: list[np.ndarray] = []
        size = self.batch_size * _BATCHES_SORTED_TOGETHER
        for texts in _blocks(self.corpus, order, size, self.corpus.read):
            pool += [text for text in texts if len(text) >= self.min_seq_len]
            if len(pool) >= size:
                yield from self._sorted_by_length(pool[:size], random)
                pool = pool[size:]
        yield from self._sorted_by_length(pool, random)

    def _sorted_by_length(self, pool: list[np.ndarray], random: np.random.Generator | None) -> list[list[np.ndarray]]:
        pool = sorted(pool, key=len)
        batches = [pool[first : first + self.batch_size] for first in range(0, len(pool), self.batch_size)]
        if random is not None:
            # The last one, which may be short, stays last: a batch that is filled up is the last of an epoch.
            batches[:-1] = [batches[index] for index in random.permutation(len(batches) - 1)]
        return batches

    def _padded(self, texts: list[np.ndarray]) -> Batch:
        longest = min(max(map(len, texts)), self.max_seq_len) - 1
        widths = [bound - 1 for bound in bucket_bounds(self.max_seq_len)]
        width = min((width for width in widths if width >= longest), default=self.max_seq_len - 1)
        ids = np.full((2, self.batch_size, width), self.pad_id, np.int32)
        for row, text in enumerate(texts):
            text = text[::-1][: self.max_seq_len] if self.backward else text[: self.max_seq_len]
            ids[0, row, : len(text) - 1] = text[:-1]
            ids[1, row, : len(text) - 1] = text[1:]
        return ids[0], ids[1]


def _blocks(corpus, order, size, read):
    for first in range(0, corpus.documents, size):
        yield read(order[first : first + size])
