"""Deterministic choice of rows by a hash of their text, whatever the order, the worker or the machine."""

import dataclasses
import hashlib
import heapq
from collections.abc import Iterable
from typing import NamedTuple

from ulmfit_tfx.schemas.config.sources.splits import SplitsConfig

TRAIN, EVAL, TEST = SPLITS = ("train", "eval", "test")


def unit_hash(text: str, salt: str) -> float:
    """A number in [0, 1) that depends on the text and the salt alone, evenly distributed over texts."""
    digest = hashlib.blake2b(text.encode(), key=salt.encode()[:64], digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def split_of(text: str, seed: int, shares: SplitsConfig) -> str:
    """Split that a text belongs to. Equal texts share a split, so a duplicate never leaks into another.

    >>> split_of("any text", 42, SplitsConfig(train=1, eval=0, test=0))
    'train'
    """
    position = unit_hash(text, f"split {seed}")
    if position < shares.train:
        return TRAIN
    return EVAL if position < shares.train + shares.eval or not shares.test else TEST


def is_sampled(text: str, seed: int, fraction: float, purpose: str = "sample") -> bool:
    """Whether a text is among the `fraction` of all texts that a seed chooses.

    Independent of its split, and of the choice for another purpose.
    """
    return fraction >= 1 or unit_hash(text, f"{purpose} {seed}") < fraction


@dataclasses.dataclass(frozen=True)
class SampleCounts:
    """How much of how much `sample` chose.

    Attributes:
        texts: Chosen texts.
        text_bytes: Their bytes.
        of_texts: Texts to choose from.
        of_text_bytes: Their bytes.
        too_long: Texts that could not be chosen, because each of them alone is longer than all may be together.
    """

    texts: int
    text_bytes: int
    of_texts: int
    of_text_bytes: int
    too_long: int

    def __str__(self) -> str:
        if self.texts == self.of_texts:
            return f"all {self.texts:,} texts, {_megabytes(self.text_bytes)} MB"
        left_out = f"; {self.too_long:,} too long to be chosen" if self.too_long else ""
        size = f"{_megabytes(self.text_bytes)} of {_megabytes(self.of_text_bytes)} MB"
        return f"{self.texts:,} of {self.of_texts:,} texts, {size}, chosen by a seeded hash{left_out}"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f}" if count >= 1e6 else f"{count / 1e6:.3g}"


class Sample(NamedTuple):
    """What `sample` chose.

    Attributes:
        texts: UTF-8, in an order of their own.
        counts: How many of how many.
    """

    texts: list[bytes]
    counts: SampleCounts


def sample(texts: Iterable[str], seed: int, count: int, max_bytes: int) -> Sample:
    """Chooses texts: in an order that a seeded hash gives them, as many from its beginning as fit both bounds.

    Where that order is "a", "bb", "ccc", `count=3` and `max_bytes=5` choose `[b"a", b"bb"]`. A text that alone has
    more than `max_bytes` counts as not there: it would end the choice before it began.

    Which texts are chosen, and their order, depends on the texts and the seed alone, not on the order in which they
    come. Independent of `split_of` and `is_sampled`. Memory is that of the chosen texts.

    Args:
        texts: Read once, one after the other.
        seed: Of the hash.
        count: Most of them.
        max_bytes: Most bytes of them together.
    """
    salt = f"choose {seed}"
    # A heap by descending hash, and ascending text where hashes are equal: its first is the last in order.
    chosen: list[tuple[float, bytes]] = []
    cut: tuple[float, bytes] | None = None
    text_bytes = of_texts = of_text_bytes = too_long = 0
    for text in texts:
        encoded = text.encode()
        of_texts += 1
        of_text_bytes += len(encoded)
        if len(encoded) > max_bytes:
            too_long += 1
            continue
        place = (-unit_hash(text, salt), encoded)
        # What stands behind a text that did not fit never fits: what stands before both only grows.
        if cut is not None and place <= cut:
            continue
        heapq.heappush(chosen, place)
        text_bytes += len(encoded)
        while len(chosen) > count or text_bytes > max_bytes:
            cut = heapq.heappop(chosen)
            text_bytes -= len(cut[1])
    chosen.sort(reverse=True)
    counts = SampleCounts(len(chosen), text_bytes, of_texts, of_text_bytes, too_long)
    return Sample([encoded for _, encoded in chosen], counts)
