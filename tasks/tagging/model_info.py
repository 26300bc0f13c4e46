"""What a tagger says of itself."""

from typing import Literal

from ulmfit_tfx.schemas.config.tags import TagScheme
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
        temperature: What emissions are divided by.
    """

    scheme: TagScheme = "bio"
    alignment: Literal["all_pieces", "first_piece"] = "all_pieces"
    decoder: Literal["softmax", "crf"] = "softmax"
    tag_separator: str | None = None
    threshold: float = 0.5
    words: Literal["punctuation", "whitespace"] = "punctuation"
    window_overlap: int = 32
    temperature: float = 1.0


class TaggingInfo(ModelInfo):
    """Of a tagger."""

    task: Literal["tagging"]
    details: TaggingDetails = TaggingDetails()
