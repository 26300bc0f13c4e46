"""What PerplexityGate measured, as a file."""

import dataclasses
import json
from collections.abc import Mapping

from ulmfit_tfx.schemas.section import Direction

REPORT_FILE = "perplexity.json"


@dataclasses.dataclass(frozen=True)
class MeasuredPerplexity:
    """Perplexity of one model on some texts.

    Attributes:
        piece: Per piece; None where it is no finite number, as where no piece is predicted.
        word: The same restated per word.
    """

    piece: float | None
    word: float | None


@dataclasses.dataclass(frozen=True)
class SlicePerplexity:
    """Perplexity on some texts.

    Attributes:
        texts: Their number.
        perplexity: By the direction in which the model reads.
    """

    texts: int
    perplexity: Mapping[Direction, MeasuredPerplexity]


@dataclasses.dataclass(frozen=True)
class PerplexityReport:
    """Perplexity on the corpus' eval split.

    Attributes:
        overall: On all texts.
        by_length: By length bucket.
    """

    overall: SlicePerplexity
    by_length: Mapping[str, SlicePerplexity]

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "PerplexityReport":
        """Reads what `to_json` wrote."""
        values = json.loads(text)
        by_length = {bucket: _slice_of(value) for bucket, value in values["by_length"].items()}
        return cls(_slice_of(values["overall"]), by_length)


def _slice_of(value: dict) -> SlicePerplexity:
    measured = {direction: MeasuredPerplexity(**found) for direction, found in value["perplexity"].items()}
    return SlicePerplexity(value["texts"], measured)
