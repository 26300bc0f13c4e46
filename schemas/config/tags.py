"""Tags of words: what stands in files, and in answers."""

from typing import Literal, get_args

from pydantic import Field

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
