"""Batches of texts of like length, so that little is padded and long ones do not fill the memory."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")

BATCH = 32
BATCH_CHARACTERS = 2**16
"""Of a batch whose texts are all as long as its longest."""


def answer_in_order(
    items: Sequence[_Item], length: Callable[[_Item], int], answer: Callable[[list[_Item]], Sequence[_Answer]]
) -> list[_Answer]:
    """Answers items batch by batch.

    Args:
        items: Texts, or whatever has a length.
        length: Of an item, in characters.
        answer: Gives one answer for each item of a batch.

    Returns:
        The answers in the order of the items.
    """
    answers: dict[int, _Answer] = {}
    for batch in length_batches([length(item) for item in items]):
        answers |= zip(batch, answer([items[index] for index in batch]), strict=True)
    return [answers[index] for index in range(len(items))]


def length_batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices by ascending length: at most `BATCH` together, and `BATCH_CHARACTERS` with the padding.

    What is longer than that is alone.

    >>> list(length_batches([40_000, 5, 30_000, 7]))
    [[1, 3], [2], [0]]
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == BATCH or (len(batch) + 1) * lengths[index] > BATCH_CHARACTERS):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
