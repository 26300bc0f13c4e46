"""The section `head`: the layers on the encoder."""

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator
from typing_extensions import override

from ulmfit_tfx.schemas.section import Probability, Section

BranchName = Literal["recurrent", "vectors", "topics", "pieces", "words"]


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
    pool_embeddings: bool | None = Field(
        None,
        description="beside what is pooled of the states, the mean of the pieces' embeddings. null: where texts are "
        "read whole, training.chunk_pieces being null",
    )
    pairs: bool | None = Field(
        None,
        description="read and pool what stands before and after the first separator apart, and compare: both, their "
        "difference and their product. null: where there is a data.second_text_column",
    )
    branches: tuple[BranchName, ...] | None = Field(
        None,
        description="what is added up to an answer: recurrent, the encoder and its head; vectors, averages of the "
        "vectors of pieces; topics, by latent semantic analysis; pieces, TF-IDF of pieces and of pairs of them; words, "
        "TF-IDF of words, of pairs of them and of runs of characters. What each counts is fitted on train rows that "
        "it did not see. null: all of them, and recurrent alone where there are fewer than 50 train rows",
    )
    frozen_below: NonNegativeInt = Field(
        2000,
        description="with fewer train rows than that a pretrained encoder stays as it is and a linear model is fitted "
        "on its pooled output, where there are other branches; with more it is trained too",
    )
    read_pieces: PositiveInt = Field(
        2000,
        description="of a text that is asked about, the first so many pieces, or training.max_seq_len if that is more; "
        "what is fitted and not trained reads as far",
    )
    word_buckets: int = Field(2**16, ge=2, le=2**24, description="numbers that words and pairs of them share")
    character_buckets: int = Field(2**17, ge=2, le=2**24, description="numbers that runs of characters share")

    @field_validator("branches")
    @classmethod
    def _branches_once_each(cls, branches: tuple[BranchName, ...] | None) -> tuple[BranchName, ...] | None:
        if branches is not None and (not branches or len(set(branches)) < len(branches)):
            raise ValueError("expected one or more branches, each of them once")
        return branches
