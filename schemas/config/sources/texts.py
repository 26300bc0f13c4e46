"""Texts without labels: the section `corpus`."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, NonNegativeInt, TypeAdapter

from ulmfit_tfx.schemas.config.sources.by_format import by_format, formats_of
from ulmfit_tfx.schemas.config.sources.corpus_cleanup import TextCleanupConfig
from ulmfit_tfx.schemas.config.sources.source import ColumnsConfig, SourceConfig
from ulmfit_tfx.schemas.config.sources.table import TableConfig, WorkbookConfig


class TextSourceConfig(SourceConfig):
    """Texts. Which fields there are depends on the format."""

    corpus_cleanup: TextCleanupConfig = TextCleanupConfig()


class PlainTextConfig(TextSourceConfig):
    """Plain text."""

    format: Literal["text"] = Field(description="text: see `text_unit`")
    text_unit: Literal["line", "paragraph", "document"] = Field(
        "line", description="what a row is: a line, what stands between blank lines, or a file"
    )


class TextColumnsConfig(TextSourceConfig, TableConfig, WorkbookConfig, ColumnsConfig):
    """Texts in columns, or in fields of objects."""

    format: Literal["csv", "tsv", "jsonl", "json", "parquet", "xlsx"] = Field(
        description="left out: recognized by the files; csv and tsv have a header line, or `columns`; jsonl: an object "
        "a line; json: a list of objects; parquet; xlsx: a sheet of an Excel workbook, with a header row"
    )


class ConllTextConfig(TextSourceConfig):
    """Sentences in CoNLL's columns, whose tags do not matter."""

    format: Literal["conll"] = Field(description="conll: columns, a word a line")
    word_column: NonNegativeInt = Field(0, description="column with the word, from 0")


class ConlluTextConfig(TextSourceConfig):
    """Sentences of CoNLL-U, whose tags do not matter."""

    format: Literal["conllu"] = Field(description="conllu: sentences")


class MediawikiConfig(TextSourceConfig):
    """A wiki's articles."""

    format: Literal["mediawiki"] = Field(description="mediawiki: the articles of an XML dump, without markup")


_Texts = PlainTextConfig | TextColumnsConfig | ConllTextConfig | ConlluTextConfig | MediawikiConfig
TextSource = Annotated[_Texts, Field(discriminator="format"), by_format(_Texts)]

_ADAPTER: TypeAdapter[TextSourceConfig] = TypeAdapter(TextSource)


def text_source_class(format: str) -> type[TextSourceConfig]:
    """The class of a format."""
    return next(kind for kind in get_args(_Texts) if format in formats_of([kind]))


def text_source(**fields: Any) -> TextSourceConfig:
    """A source of texts, of the class of its format.

    >>> text_source(path="corpus.txt", format="text").text_unit
    'line'

    Raises:
        ValidationError: A field is unknown, missing or wrong.
    """
    return _ADAPTER.validate_python(fields)
