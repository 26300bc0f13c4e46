"""The section `tagging`: what sets a tagger's training apart."""

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.schemas.section import Section

_GIVEN_FROM = 0.5


class WordFeaturesConfig(Section):
    """Embeddings of each word's form, prefix, suffix and shape, beside its pieces. `word_features: null`: none."""

    rows: int = Field(
        2500,
        ge=1,
        le=20_000,
        description="of the table of prefixes, that of suffixes and that of shapes; that of forms has twice as many. "
        "There is no vocabulary: a feature's hash chooses two rows, which are added up",
    )
    size: PositiveInt = Field(32, description="of the vector of each feature")


class TaggingConfig(TagsConfig):
    """What a tagger learns from, and how it cuts raw text into words."""

    alignment: Literal["all_pieces", "first_piece"] = Field(
        "all_pieces",
        description="all_pieces: each piece of a word has its tag; first_piece: the first one, those that follow the "
        "tag inside the same entity",
    )
    decoder: Literal["softmax", "crf"] = "softmax"
    threshold: float | None = Field(
        None, gt=0, lt=1, description="several tags a word: probability from which one is given. null: 0.5"
    )
    window_overlap: NonNegativeInt = Field(
        32, description="pieces that windows of training.max_seq_len share, where a sentence is longer"
    )
    context_layer: PositiveInt | None = Field(
        100,
        description="units, a direction, of a layer that reads the encoder's output in both directions: without it a "
        "word's tag knows nothing of the words after it, unless the encoder has both directions. null: none",
    )

    word_features: WordFeaturesConfig | None = Field(
        WordFeaturesConfig(),
        description="embeddings of each word's form, prefix, suffix and shape beside the encoder's output. null: none",
    )

    @property
    def given_from(self) -> float:
        """Probability from which a tag is given, where there may be several."""
        return _GIVEN_FROM if self.threshold is None else self.threshold
