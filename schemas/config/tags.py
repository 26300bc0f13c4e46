"""Tags of words: what stands in files, and in answers."""

from typing import Literal, get_args

from pydantic import Field, model_validator

from ulmfit_tfx.schemas.section import Section

TagScheme = Literal["bio", "bioes", "plain"]
WordCut = Literal["punctuation", "whitespace"]
WORD_CUTS: tuple[WordCut, ...] = get_args(WordCut)


class TagsConfig(Section):
    """The tags of words, and how raw text is cut into words."""

    scheme: TagScheme = Field(
        "bio",
        description="of the tags: bio (B-, I-, O; IOB1 becomes it), bioes (B-, I-, O, E-, S-; BILOU, BMEWO and BMES "
        "become it) or plain, such as parts of speech. "
        "Formats with spans get tags of this scheme; others have to have them",
    )
    tag_separator: str | None = Field(
        None, min_length=1, description="a word has several tags, or none, with this between them: sigmoids. plain only"
    )
    words: WordCut = Field(
        "punctuation",
        description="how raw text is cut into words: at white space, or at white space and around punctuation",
    )
    recut: bool = Field(
        False,
        description="cut the words of the data further, as punctuation cuts raw text: into single characters of "
        "scripts without spaces. A tag is then of all parts of its word",
    )

    @model_validator(mode="after")
    def _recut_as_served(self):
        if self.recut and self.words != "punctuation":
            raise ValueError(f"recut is true, and words is {self.words}: raw text would be cut otherwise")
        return self
