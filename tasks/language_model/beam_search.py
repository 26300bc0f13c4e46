"""Beam search for probable continuations. Numpy alone: what predicts the next piece is an argument."""

import dataclasses
from collections.abc import Callable, Collection, Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Continuation:
    """Pieces that may follow.

    Attributes:
        ids: Of the pieces, `</s>` among them where it is the last.
        log_probability: Of all of them, given what they follow: the sum over the pieces.
        ended: Whether the last one is `</s>`.
    """

    ids: tuple[int, ...]
    log_probability: float
    ended: bool

    @property
    def score(self) -> float:
        """Mean log probability of a piece. By their sums, long continuations would lose against those that end."""
        return self.log_probability / max(len(self.ids), 1)


def beam_search(
    next_log_probabilities: Callable[[np.ndarray], np.ndarray],
    prefix: Sequence[int],
    beams: int,
    pieces: int,
    eos_id: int | None = None,
    forbidden: Collection[int] = (),
) -> list[Continuation]:
    """Finds probable continuations.

    After each piece the continuations of the highest scores are kept, of those that may go on and those that have
    ended together. With at least `vocab_size ** pieces` beams the search is exhaustive.

    Args:
        next_log_probabilities: From ids, int32 [batch, time], to log probabilities of the piece after each row, float
            [batch, vocab_size].
        prefix: Ids to continue.
        beams: Continuations kept.
        pieces: Length at which continuations stop where `</s>` does not come first.
        eos_id: Id of `</s>`, with which a continuation has ended. None: none does.
        forbidden: Ids that are never chosen. The other pieces keep their probabilities.

    Returns:
        At most `beams` continuations, the highest score first: less where there are not as many.

    Raises:
        ValueError: `beams` or `pieces` is less than 1.
    """
    for name, value in (("beams", beams), ("pieces", pieces)):
        if value < 1:
            raise ValueError(f"{name} is {value}, expected at least 1")
    kept = [Continuation((), 0.0, ended=False)]
    for _ in range(pieces):
        growing = [continuation for continuation in kept if not continuation.ended]
        if not growing:
            break
        ids = np.array([[*prefix, *continuation.ids] for continuation in growing], "int32")
        log_probabilities = np.array(next_log_probabilities(ids), "float64")
        log_probabilities[:, list(forbidden)] = -np.inf
        ended = [continuation for continuation in kept if continuation.ended]
        longer = _longer(growing, log_probabilities, beams, eos_id)
        kept = sorted([*ended, *longer], key=lambda continuation: -continuation.score)[:beams]
    return kept


def _longer(
    growing: Sequence[Continuation], log_probabilities: np.ndarray, count: int, eos_id: int | None
) -> list[Continuation]:
    """The `count` most probable continuations by one more piece.

    All have one length, so that the order of their sums is that of their scores.
    """
    sums = np.array([[continuation.log_probability] for continuation in growing]) + log_probabilities
    possible = min(count, int(np.isfinite(sums).sum()))
    best = np.argsort(-sums, axis=None, kind="stable")[:possible]
    rows, pieces = np.unravel_index(best, sums.shape)
    return [
        Continuation((*growing[row].ids, int(piece)), float(sums[row, piece]), int(piece) == eos_id)
        for row, piece in zip(rows, pieces, strict=True)
    ]
