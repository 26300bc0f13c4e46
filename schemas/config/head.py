"""The section `head`: the layers on the encoder."""

from pydantic import Field, PositiveInt
from typing_extensions import override

from ulmfit_tfx.schemas.section import Probability, Section


class TaggerHeadConfig(Section):
    """The head of a tagger on the encoder's output, word by word."""

    dropout: tuple[Probability, Probability] = Field((0.2, 0.1), description="before the first and the last layer")

    @classmethod
    @override
    def why_no(cls, field: str) -> str | None:
        return "is set, and a tagger has no use for it" if field in HeadConfig.model_fields else None


class HeadConfig(TaggerHeadConfig):
    """The task head on the concat-pooled encoder output."""

    hidden_size: PositiveInt = 50
    batch_norm: bool = Field(True, description="as in fastai")
    pooled_pieces: PositiveInt | None = Field(
        None, description="pool over the last so many pieces of a text, as they are read. null: over all"
    )
    pairs: bool | None = Field(
        None,
        description="read and pool what stands before and after the first separator apart, and compare: both, their "
        "difference and their product. null: where there is a data.second_text_column",
    )
