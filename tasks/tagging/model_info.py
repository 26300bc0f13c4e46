"""What a tagger says of itself."""

from typing import Literal

from typing_extensions import Self

from ulmfit_tfx.schemas.config.tags import TagScheme
from ulmfit_tfx.schemas.feature_names import WORD_FEATURES
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.trainer_modules.serving.model_info import Details, ModelInfo


class TaggingDetails(Details):
    """What only taggers have to say: the section `tagging`, as far as it matters to answers, and the temperature.

    Attributes:
        scheme: Of the tags.
        alignment: Which pieces of a word have its tag.
        decoder: What chooses tags.
        tag_separator: Between the tags of a word that may have several, or none. None: it has one.
        threshold: Probability from which one of several is given.
        words: How raw text is cut into words.
        window_overlap: Pieces that windows of a long text share.
        word_features: Names of what it reads of words beside their pieces; the first models read nothing else.
        temperature: What emissions are divided by.
    """

    scheme: TagScheme = "bio"
    alignment: Literal["all_pieces", "first_piece"] = "all_pieces"
    decoder: Literal["softmax", "crf"] = "softmax"
    tag_separator: str | None = None
    threshold: float = 0.5
    words: Literal["punctuation", "whitespace"] = "punctuation"
    window_overlap: int = 32
    word_features: tuple[str, ...] = ()
    temperature: float = 1.0

    @classmethod
    def of(cls, config: TaggingConfig, temperature: float = 1.0) -> Self:
        """What a tagger of that section says."""
        said = config.model_dump(exclude={"context_layer"}) | {"threshold": config.given_from}
        said["word_features"] = () if config.word_features is None else WORD_FEATURES
        return cls(**said, temperature=temperature)


class TaggingInfo(ModelInfo):
    """Of a tagger."""

    task: Literal["tagging"]
    details: TaggingDetails = TaggingDetails()
