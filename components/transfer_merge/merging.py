"""Joins labelled rows and a teacher's by their texts, and leaves out what stands in eval or test.

Texts are compared as deduplication compares them: equal ones have equal digests. Memory is that of the digests and of
one distribution a text, not of the texts.
"""

import dataclasses
import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np

from ulmfit_tfx.transforms.corpus_cleanup.duplicates import text_digest
from ulmfit_tfx.transforms.records.record import Row

HELD_OUT = "text of the eval or test split"
JOINED = "teacher of a labelled row"
REPEATED = "averaged with a row of the same text"
"""What becomes of a teacher's rows that are no rows of their own."""
_EVEN = 1.0
"""What rows count where nothing says more."""


class TeacherAnswers:
    """The mean of a teacher's answers to each text, by the weights of the rows."""

    def __init__(self, rows: Iterable[Row]):
        """Adds up rows with `teacher_probabilities`. One of weight 0 counts nothing, unless its text has no other."""
        self._sums: dict[bytes, np.ndarray] = {}
        self._unweighted: dict[bytes, np.ndarray] = {}
        for row in rows:
            weight = _EVEN if row.weight is None else row.weight
            sums = self._sums if weight else self._unweighted
            answer = np.array([*row.teacher_probabilities, 1.0]) * (weight or _EVEN)
            digest = text_digest(row.text)
            sums[digest] = sums[digest] + answer if digest in sums else answer

    def texts(self, without: Collection[bytes]) -> int:
        """Texts with an answer that is not taken yet."""
        return sum(digest not in without for digest in self._sums.keys() | self._unweighted.keys())

    def take(self, digest: bytes) -> tuple[float, ...] | None:
        """The mean of a text's answers, once; None where there is none, or none any more."""
        weighted, unweighted = self._sums.pop(digest, None), self._unweighted.pop(digest, None)
        total = weighted if weighted is not None else unweighted
        return None if total is None else tuple((total[:-1] / total[-1]).tolist())


@dataclasses.dataclass
class Merging:
    """A merge under way.

    Attributes:
        answers: Of the teacher.
        held_out: Digests of the texts of eval and test.
        counts: What became of the teacher's rows that are no rows of their own.
        taught: Labelled rows that have a teacher.
    """

    answers: TeacherAnswers
    held_out: frozenset[bytes]
    counts: Counter[str] = dataclasses.field(default_factory=Counter)
    taught: int = 0

    @property
    def transfer_texts(self) -> int:
        """Texts that `transfer` gives, before it does."""
        return self.answers.texts(self.held_out)

    def labelled(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The labelled rows of the train split, each with its teacher's answer, where there is one.

        They go before `transfer`.
        """
        self._labelled: dict[bytes, tuple[float, ...]] = {}
        self._weight, self._rows = 0.0, 0
        for row in rows:
            digest = text_digest(row.text)
            self._weight += 0.0 if row.weight is None else row.weight
            self._rows += 1
            answer = None if digest in self.held_out else self._labelled.get(digest) or self.answers.take(digest)
            if answer is None:
                yield row
                continue
            self._labelled[digest] = answer
            self.taught += 1
            yield dataclasses.replace(row, teacher_probabilities=answer)

    def transfer(self, rows: Iterable[Row], like: Row) -> Iterator[Row]:
        """The rows of a teacher that are to be trained on.

        Args:
            rows: All of them once more.
            like: A labelled row: those that come of this have all of its features. Where rows have a weight, theirs is
                the mean of the labelled ones'.
        """
        for row in rows:
            digest = text_digest(row.text)
            if digest in self.held_out:
                self.counts[HELD_OUT] += 1
            elif digest in self._labelled:
                self.counts[JOINED] += 1
            elif (answer := self.answers.take(digest)) is None:
                self.counts[REPEATED] += 1
            else:
                yield dataclasses.replace(
                    like,
                    text=row.text,
                    label=None if like.label is None else "",
                    slices=tuple((column, "") for column, _ in like.slices),
                    weight=None if like.weight is None else self._weight / self._rows,
                    teacher_probabilities=answer,
                    is_transfer=True,
                )


def spread(few: Sequence[Row], many: Iterator[Row], count: int) -> Iterator[Row]:
    """Rows in one order, the few evenly among the many: what shuffles them holds some thousands at a time.

    >>> [row.text for row in spread([Row("A"), Row("B")], iter(map(Row, "abcde")), 5)]
    ['A', 'a', 'b', 'B', 'c', 'd', 'e']
    >>> [row.text for row in spread([Row("A"), Row("B"), Row("C")], iter(map(Row, "ab")), 2)]
    ['A', 'B', 'a', 'C', 'b']

    Args:
        few: One or more.
        many: The others.
        count: Of them.
    """
    given = 0
    for number, row in enumerate(few, start=1):
        yield row
        due = count * number // len(few)
        yield from itertools.islice(many, due - given)
        given = due
    yield from many


def digests_of(rows: Iterable[Row]) -> frozenset[bytes]:
    """Digests of the texts of rows."""
    return frozenset(text_digest(row.text) for row in rows)
