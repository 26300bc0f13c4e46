"""The formats that a source may have in place of its own."""

from ulmfit_tfx.schemas.config.sources.by_format import FORMAT, formats_of
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.tagged_words import TaggedWords, TaggedWordsConfig
from ulmfit_tfx.schemas.config.sources.texts import TextSource, TextSourceConfig
from ulmfit_tfx.schemas.section import choices, sections_of


def formats_for(config: SourceConfig) -> tuple[str, ...]:
    """All formats of the kind of rows that a source is of.

    >>> from ulmfit_tfx.schemas.config.sources.texts import text_source
    >>> "mediawiki" in formats_for(text_source(path="corpus.txt", format="text"))
    True
    """
    if isinstance(config, TextSourceConfig):
        return formats_of(list(sections_of(TextSource)))
    if isinstance(config, TaggedWordsConfig):
        return formats_of(list(sections_of(TaggedWords)))
    return choices(type(config).model_fields[FORMAT])
