"""How much of the texts a model of whole texts is trained on, and how much it can ever read."""

import dataclasses
import json
from collections.abc import Iterator, Sequence

import numpy as np

FILE = "cut_texts.json"
"""In the model run folder, see `CutTexts`."""
MOST_TEXTS = 2000
"""That are measured."""


@dataclasses.dataclass(frozen=True)
class CutTexts:
    """Of texts of the train split, a sample where there are many: what is beyond the bounds on their length.

    Attributes:
        texts: Texts measured.
        pieces: Of all of them together.
        max_seq_len: Pieces of a text that are trained on.
        longer: Texts with more.
        untrained_pieces: Pieces beyond it.
        read_pieces: Pieces of a text that the model reads when it is asked.
        unread: Texts with more.
        unread_pieces: Pieces beyond it.
        length_of_most: Pieces that 95 % of the texts do not exceed.
    """

    texts: int
    pieces: int
    max_seq_len: int
    longer: int
    untrained_pieces: int
    read_pieces: int
    unread: int
    unread_pieces: int
    length_of_most: int

    def sentences(self) -> Iterator[str]:
        """What there is to say, with the setting that helps; nothing where nothing is cut.

        >>> next(measured([70, 130], 64, 2000).sentences())[:72]
        '100 % of texts are longer than max_seq_len = 64 and were cut in training'
        """
        if self.longer:
            untrained = _percent(self.untrained_pieces, self.pieces)
            yield (
                f"{self._share(self.longer)} of texts are longer than max_seq_len = {self.max_seq_len:,} and were cut "
                f"in training: the network saw nothing of {untrained} of the pieces. "
                f"{self._hint('training.max_seq_len', self.max_seq_len)}"
            )
        if self.unread:
            yield (
                f"{self._share(self.unread)} of texts are longer than the {self.read_pieces:,} pieces that the model "
                f"reads: {_percent(self.unread_pieces, self.pieces)} of the pieces are never read. "
                f"{self._hint('head.read_pieces', self.read_pieces)}"
            )

    def _hint(self, field: str, bound: int) -> str:
        if self.length_of_most <= bound:
            return f"Raise {field}, if these texts matter"
        return f"Raise {field}: 95 % have up to {self.length_of_most:,} pieces"

    def _share(self, texts: int) -> str:
        return _percent(texts, self.texts)

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "CutTexts":
        """Reads what `to_json` wrote."""
        return cls(**json.loads(text))


def measured(lengths: Sequence[int], max_seq_len: int, read_pieces: int) -> CutTexts:
    """Holds the lengths of texts against the bounds.

    Args:
        lengths: Of texts, in pieces, uncut, one or more.
        max_seq_len: Pieces of a text that are trained on.
        read_pieces: Pieces of a text that the model reads when it is asked.
    """
    pieces = np.asarray(lengths, np.int64)
    beyond = {bound: np.maximum(pieces - bound, 0) for bound in (max_seq_len, read_pieces)}
    return CutTexts(
        texts=len(pieces),
        pieces=int(pieces.sum()),
        max_seq_len=max_seq_len,
        longer=int(np.count_nonzero(beyond[max_seq_len])),
        untrained_pieces=int(beyond[max_seq_len].sum()),
        read_pieces=read_pieces,
        unread=int(np.count_nonzero(beyond[read_pieces])),
        unread_pieces=int(beyond[read_pieces].sum()),
        length_of_most=int(np.quantile(pieces, 0.95, method="inverted_cdf")),
    )


def _percent(part: int, whole: int) -> str:
    """A share in words: neither 0 % where there is something nor 100 % where something is missing."""
    share = 100 * part / max(whole, 1)
    if 0 < share < 1:
        return "under 1 %"
    return f"{min(round(share), 99) if part < whole else 100} %"
