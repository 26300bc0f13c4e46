"""Words with tags, in the formats of `ulmfit_tfx.transforms.records`: the section `data` of tagging."""

from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, TypeAdapter, model_validator

from ulmfit_tfx.schemas.config.sources.by_format import by_format
from ulmfit_tfx.schemas.config.sources.labelled import LabelledColumnsConfig, LabelledSourceConfig, LabelListConfig
from ulmfit_tfx.schemas.config.sources.table import TableConfig, WorkbookConfig


class TaggedWordsConfig(LabelListConfig, LabelledSourceConfig):
    """Sentences whose words have tags. Which fields there are depends on the format."""


class TaggedObjectsConfig(TaggedWordsConfig):
    """JSON Lines, a JSON list, Parquet."""

    format: Literal["jsonl", "json", "parquet"] = Field(
        description="jsonl, a sentence a line; json, a list of sentences; parquet, a sentence a row: [word, tag] "
        "pairs; words and tags in two lists, as Hugging Face's; or a text with marks at offsets, as doccano's and "
        "spaCy's"
    )
    label_map: str | None = Field(
        None, description='JSON file from the tags in the data to their names, such as {"0": "O"}'
    )
    tag_names: tuple[str, ...] | None = Field(
        None,
        description="names of tags that stand in the data as numbers, from 0 on, such as [O, B-PER, I-PER]. null: "
        "those that a Parquet file of Hugging Face's has itself",
    )
    words_field: str | None = Field(None, description="field with the list of words. null: tokens or words")
    tags_field: str | None = Field(
        None, description="field with the list of their tags. null: the one such as ner_tags, tags or labels"
    )
    text_column: str = Field("text", description="field with the text that is marked")
    spans_field: str | None = Field(
        None,
        description="field with the marks of a text. null: the one of label, labels, entities, spans and annotations",
    )

    @model_validator(mode="after")
    def _tags_named_once(self):
        if self.tag_names is not None and self.label_map is not None:
            raise ValueError("tag_names and label_map are both set: the tags are named twice")
        if self.tag_names is not None and (not self.tag_names or len(set(self.tag_names)) < len(self.tag_names)):
            raise ValueError(f"tag_names is {list(self.tag_names)}, expected different names")
        if self.spans_field is not None and (self.words_field is not None or self.tags_field is not None):
            raise ValueError("spans_field is set, and so is words_field or tags_field: tags are of words, or of a text")
        return self


class TaggedConllConfig(TaggedWordsConfig):
    """CoNLL's columns."""

    format: Literal["conll"] = Field(description="conll: columns, a word a line")
    word_column: NonNegativeInt = Field(0, description="column with the word, from 0")
    tag_column: int = Field(-1, description="column with the tag, from 0, or from the end with -1")


class TaggedConlluConfig(TaggedWordsConfig):
    """CoNLL-U."""

    format: Literal["conllu"] = Field(description="conllu: sentences")
    tag_field: str = Field(
        "upos", description="field with the tag: upos, xpos, deprel, feats, or a key of feats or misc"
    )


class TaggedSpansConfig(TaggedWordsConfig, TableConfig, WorkbookConfig, LabelledColumnsConfig):
    """Texts with the values to mark in them."""

    format: Literal["spans_tsv", "spans_csv", "spans_xlsx", "spans_parquet"] = Field(
        description="spans_tsv, spans_csv, spans_xlsx and spans_parquet: texts with the values to mark in them, with a "
        "header line, or `columns`"
    )
    spans_column: str = Field("value", description="column with the values to mark")
    span_label_column: str | None = Field(None, description="column with the label of the values. null: `span_label`")
    span_label: str = Field("VALUE", min_length=1, description="label of the marked values")
    span_separator: str = Field("*", min_length=1, description="between several values of a row")
    no_span: str = Field("NULL", description="stands where there is no value")


class TaggedTableConfig(TaggedWordsConfig, TableConfig, WorkbookConfig):
    """Tables of a word a row."""

    format: Literal["words_csv", "words_tsv", "words_xlsx", "words_parquet"] = Field(
        description="words_csv, words_tsv, words_xlsx and words_parquet: a word and its tag a row, below a header "
        "line, or `columns`"
    )
    sentence_column: str | None = Field(
        None,
        description="column whose value changes from sentence to sentence, on each row or the first of a sentence. "
        "null: the one such as `Sentence #`, sentence or sentence_id",
    )
    word_column: str | None = Field(None, description="column with the word. null: the one such as Word or token")
    tag_column: str | None = Field(None, description="column with the tag. null: the one such as Tag, ner or label")


class LabelStudioExportConfig(TaggedWordsConfig):
    """Label Studio's export, of any kind."""

    text_column: str = Field("text", description="key, or column, with the text")
    label_controls: tuple[str, ...] = Field(
        ("label",),
        min_length=1,
        description="names of the controls whose marks are read, the keys or columns that these are under",
    )


class LabelStudioConfig(LabelStudioExportConfig):
    """Label Studio's export as JSON."""

    format: Literal["label_studio"] = Field(description="label_studio: JSON or JSON-min")


class LabelStudioTableConfig(LabelStudioExportConfig, TableConfig):
    """Label Studio's export as CSV or TSV."""

    format: Literal["label_studio_csv", "label_studio_tsv"] = Field(
        description="label_studio_csv and label_studio_tsv: CSV and TSV"
    )


_Tagged = (
    TaggedObjectsConfig
    | TaggedConllConfig
    | TaggedConlluConfig
    | TaggedTableConfig
    | TaggedSpansConfig
    | LabelStudioConfig
    | LabelStudioTableConfig
)
TaggedWords = Annotated[_Tagged, Field(discriminator="format"), by_format(_Tagged)]

_ADAPTER: TypeAdapter[TaggedWordsConfig] = TypeAdapter(TaggedWords)


def tagged_words(**fields: Any) -> TaggedWordsConfig:
    """A source of words with tags, of the class of its format.

    >>> tagged_words(path="rows.conllu", format="conllu").tag_field
    'upos'

    Raises:
        ValidationError: A field is unknown, missing or wrong.
    """
    return _ADAPTER.validate_python(fields)
