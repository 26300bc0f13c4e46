"""Deterministic choice of rows by a hash of their text, whatever the order, the worker or the machine."""

import hashlib
import heapq
from collections.abc import Iterable

from ulmfit_tfx.schemas.source_config import SplitsConfig

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


def sample(texts: Iterable[str], seed: int, count: int) -> list[str]:
    """At most `count` of the texts, in an order of their own: both depend on the texts and the seed alone.

    Memory is that of the sample. Independent of `split_of` and `is_sampled`.
    """
    return heapq.nsmallest(count, texts, key=lambda text: (unit_hash(text, f"choose {seed}"), text))
