"""Batches for truncated backpropagation through time: documents end to end, cut into rows that go on step by step."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.trainer_modules.data.document_order import DocumentOrder
from ulmfit_tfx.trainer_modules.data.token_corpus import TokenCorpus

Batch = tuple[np.ndarray, np.ndarray]
"""Ids and the ids that follow each of them: int32 [batch_size, time] both."""

_SHORTEST = 5
_READ_TOGETHER = 32
_COUNTED_TOGETHER = 8192


@dataclasses.dataclass(frozen=True)
class BpttStream:
    """A stream of documents as batches whose rows go on where they stopped in the batch before.

    The documents of an epoch, in an order of its own, make one long sequence, which is cut into `batch_size` rows of
    equal length. What is left over at the end, less than a piece a row and less than a step, is left out; it is another
    text each epoch.

    Attributes:
        corpus: The documents.
        batch_size: Rows.
        bptt: Pieces a step.
        jitter: Whether the length of steps varies as in AWD-LSTM's section 5: around `bptt`, and around half of it
            once in twenty steps.
        backward: Whether documents are read from their end.
    """

    corpus: TokenCorpus
    batch_size: int
    bptt: int
    jitter: bool = False
    backward: bool = False

    carries_state = True

    def __post_init__(self):
        if self.row_length < self.bptt + 1:
            raise DataError(
                f"the corpus has {self.corpus.pieces:,} pieces, too few for a step of {self.batch_size} rows of "
                f"{self.bptt} pieces and one more. Lower language_model.batch_size or language_model.bptt."
            )

    @property
    def row_length(self) -> int:
        """Pieces of a row."""
        return self.corpus.pieces // self.batch_size

    @property
    def pieces(self) -> int:
        """Pieces that an epoch predicts, at most."""
        return self.batch_size * (self.row_length - 1)

    def lengths(self, epoch: int, seed: int) -> Iterator[int]:
        """Pieces of each step of an epoch."""
        random = np.random.default_rng([seed, epoch])
        left = self.row_length - 1
        while True:
            length = self.bptt
            if self.jitter:
                mean = self.bptt if random.random() < 0.95 else self.bptt / 2
                # A small corpus has a step in every epoch, too.
                length = min(max(_SHORTEST, int(random.normal(mean, 5))), self.row_length - 1)
            if length > left:
                return
            left -= length
            yield length

    def steps(self, epoch: int, seed: int) -> int:
        """Steps of an epoch."""
        return sum(1 for _ in self.lengths(epoch, seed)) if self.jitter else (self.row_length - 1) // self.bptt

    def predicted(self, epoch: int, seed: int) -> int:
        """Pieces that an epoch predicts."""
        return self.batch_size * sum(self.lengths(epoch, seed))

    def epoch(self, number: int, seed: int, skip: int = 0) -> Iterator[Batch]:
        """The steps of an epoch.

        Args:
            number: The epoch, from 0.
            seed: Of the order of documents and of the jitter.
            skip: Steps to leave out at the beginning.
        """
        lengths = list(self.lengths(number, seed))
        yield from self._steps(DocumentOrder(self.corpus.documents, seed, number), lengths[:skip], lengths[skip:])

    def in_order(self) -> Iterator[Batch]:
        """All steps with the documents in their order; the last step may be shorter than the others."""
        whole, rest = divmod(self.row_length - 1, self.bptt)
        yield from self._steps(
            DocumentOrder(self.corpus.documents, None), [], [self.bptt] * whole + [rest] * (rest > 0)
        )

    def _steps(self, order: DocumentOrder, skipped: list[int], lengths: list[int]) -> Iterator[Batch]:
        begins = np.arange(self.batch_size) * self.row_length + sum(skipped)
        rows = [_Row(self, order, *place) for place in _places(self.corpus, order, begins)]
        last = np.stack([row.take(1) for row in rows])
        for length in lengths:
            ids = np.concatenate([last, np.stack([row.take(length) for row in rows])], axis=1)
            last = ids[:, -1:]
            yield ids[:, :-1], ids[:, 1:]


def rows_for_evaluation(corpus: TokenCorpus, batch_size: int, bptt: int, replicas: int = 1) -> int:
    """Rows in which a corpus is evaluated: fewer than are trained where it could not fill two steps of them.

    Args:
        corpus: What is evaluated.
        batch_size: Rows of training, a multiple of `replicas`.
        bptt: Pieces a step.
        replicas: Rows are a multiple of it.

    Raises:
        DataError: It has not even a step of a row for each replica.
    """
    if corpus.pieces < replicas * (bptt + 1):
        raise DataError(
            f"the corpus' eval split has {corpus.pieces:,} pieces, too few for a step of language_model.bptt={bptt}. "
            "Lower that, or raise corpus.splits.eval."
        )
    fitting = corpus.pieces // (2 * bptt) // replicas * replicas
    return min(batch_size, max(fitting, replicas))


class _Row:
    """Reads on in the documents of an order, from a place in one of them."""

    def __init__(self, stream: BpttStream, order: DocumentOrder, position: int, offset: int):
        self.stream = stream
        self.order = order
        self.position = position
        self.buffer = np.empty(0, np.int32)
        self._read()
        self.buffer = self.buffer[offset:]

    def take(self, count: int) -> np.ndarray:
        while len(self.buffer) < count:
            self._read()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def _read(self) -> None:
        documents = self.stream.corpus.read(self.order[self.position : self.position + _READ_TOGETHER])
        if self.stream.backward:
            documents = [ids[::-1] for ids in documents]
        self.position += len(documents)
        self.buffer = np.concatenate([self.buffer, *documents])


def _places(corpus: TokenCorpus, order: DocumentOrder, begins: np.ndarray) -> list[tuple[int, int]]:
    """Finds places of the long sequence, ascending, as position in the order and offset in the document there."""
    places: list[tuple[int, int]] = []
    passed = 0
    for first in range(0, corpus.documents, _COUNTED_TOGETHER):
        ends = passed + np.cumsum(corpus.lengths(order[first : first + _COUNTED_TOGETHER]))
        here = begins[(begins >= passed) & (begins < ends[-1])]
        index = np.searchsorted(ends, here, side="right")
        begin_of_document = np.concatenate([[passed], ends[:-1]])[index]
        places += [(first + int(i), int(o)) for i, o in zip(index, here - begin_of_document, strict=True)]
        passed = int(ends[-1])
    return places
