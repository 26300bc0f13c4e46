"""The sections `data.corpus_cleanup` and `corpus.corpus_cleanup`: what texts pass through in ingestion.

What changes the wording of a labelled text, such as lower case, is no part of it but of `cleaning`, which is served.
"""

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from ulmfit_tfx.schemas.section import Section

SentenceLanguage = Literal["de", "el", "en", "es", "fr", "pl", "pt"]


class RowCleanupConfig(Section):
    """Rules by which whole rows are left out. What each one dropped is counted."""

    min_words: NonNegativeInt = Field(0, description="rows of fewer words are dropped")
    max_words: PositiveInt | None = Field(None, description="rows of more words are dropped")
    languages: tuple[str, ...] = Field(
        (),
        description="rows in other languages are dropped, by ISO 639-1 codes such as [en, pl]; those too short to tell "
        "stay. []: none are dropped",
    )
    deduplicate: Literal["off", "exact", "near"] = Field(
        "off",
        description="exact: of rows with equal texts only the first stays; near: also of rows whose texts have almost "
        "the same sequences of words (MinHash). Rows of test and eval files stay before those of `path`",
    )
    near_similarity: float = Field(
        0.8, ge=0.5, lt=1, description="near: Jaccard similarity of word sequences from which texts count as the same"
    )

    @model_validator(mode="after")
    def _some_words_allowed(self):
        if self.max_words is not None and self.max_words < self.min_words:
            raise ValueError(f"max_words is {self.max_words}, less than min_words, which is {self.min_words}")
        return self


class TextCleanupConfig(RowCleanupConfig):
    """What is done to the texts of a corpus, in this order, before the rules for rows."""

    strip_wiki: bool = Field(False, description="wiki markup becomes plain text, lines with headings go")
    strip_html: bool = Field(False, description="tags, comments and scripts go, entities become their characters")
    sentences: SentenceLanguage | None = Field(
        None, description="texts are split into sentences, a row each, by the rules of that language. null: they stay"
    )
