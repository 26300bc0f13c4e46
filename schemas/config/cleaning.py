"""The section `cleaning`: what is done to every text, in training and in serving."""

from pydantic import Field
from typing_extensions import override

from ulmfit_tfx.schemas.section import Section


class WordCleaningConfig(Section):
    """Cleaning that leaves words where they are: part of a tagger's graph, the same in training and in serving."""

    nfkc: bool = Field(False, description="Unicode's compatibility forms, such as full-width letters, are composed")
    lower_case: bool = Field(False, description="Unicode lower case")

    @classmethod
    @override
    def why_no(cls, field: str) -> str | None:
        return "is set, and a tagger has no use for it" if field in CleaningConfig.model_fields else None


class CleaningConfig(WordCleaningConfig):
    """Cleaning that is part of the model's graph, the same in training and in serving."""

    strip_html: bool = Field(
        False, description="tags, comments and scripts go, common entities become their characters"
    )
    separate_punctuation: bool = Field(
        False,
        description="a space on either side of punctuation marks, but those inside words and numbers, as in don't",
    )
