"""Picks the parser of a source's format."""

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from ulmfit_tfx.schemas.config.sources.labelled_texts import ClassifiedTextsConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.table import TableConfig
from ulmfit_tfx.schemas.config.sources.tagged_words import (
    LabelStudioConfig,
    LabelStudioTableConfig,
    TaggedConllConfig,
    TaggedConlluConfig,
    TaggedObjectsConfig,
    TaggedSpansConfig,
    TaggedTableConfig,
    TaggedWordsConfig,
)
from ulmfit_tfx.schemas.config.sources.texts import (
    ConllTextConfig,
    ConlluTextConfig,
    MediawikiConfig,
    PlainTextConfig,
)
from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.schemas.config.tokenizer import PAIR_SEPARATOR
from ulmfit_tfx.transforms.records import (
    attribute_spans,
    class_folders,
    conll,
    conllu,
    fasttext,
    label_studio,
    labelled_lines,
    mediawiki,
    plain_text,
    tables,
    tagged_sentences,
    text_rows,
    word_rows,
)
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.lines import open_text
from ulmfit_tfx.transforms.records.record import Refusal, Row

_TEXTS: dict[type[SourceConfig], Callable[..., Iterator[Row | Refusal | Drop]]] = {
    ConllTextConfig: conll.parse_texts,
    ConlluTextConfig: conllu.parse_texts,
    MediawikiConfig: mediawiki.parse,
}
_CLASSIFIED: dict[str, Callable[..., Iterator[Row | Refusal | Drop]]] = {
    "class_folders": class_folders.parse,
    "fasttext": fasttext.parse,
    "labelled_lines": labelled_lines.parse,
}
_TAGGED: dict[type[SourceConfig], Callable[..., Iterator[Row | Refusal | Drop]]] = {
    LabelStudioConfig: label_studio.parse,
    LabelStudioTableConfig: label_studio.parse_table,
    TaggedConllConfig: conll.parse,
    TaggedConlluConfig: conllu.parse,
    TaggedSpansConfig: attribute_spans.parse,
    TaggedTableConfig: word_rows.parse,
}


def parse(
    stream: BinaryIO,
    source: str,
    config: SourceConfig,
    tagging: TagsConfig | None = None,
    separator: str | None = None,
    label_map: Mapping[str, str] | None = None,
    keep_all: bool = False,
    row_groups: range | None = None,
    classes: Mapping[str, int] | None = None,
) -> Iterator[Row | Refusal | Drop]:
    """Parses a file of any format.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Format and what it needs.
        tagging: Of words with tags: the scheme and how texts are cut.
        separator: What stands between a text and a second one. None: `PAIR_SEPARATOR`.
        label_map: See `tagged_sentences.parse`.
        keep_all: Of texts: rows and refusals have the `columns` of their records, and blank lines are refused.
        row_groups: Of `parquet`, those that are read. None: all.
        classes: Of a teacher's rows, see `teacher_answers.probabilities_of`.

    Yields:
        One `Row`, `Refusal` or `Drop` a record, in the file's order.

    Raises:
        DataError: The file as a whole cannot be read as configured.
    """
    if isinstance(config, ClassifiedTextsConfig) and config.format in _CLASSIFIED:
        return _CLASSIFIED[config.format](stream, source, config)
    if isinstance(config, text_rows.TextRowsConfig):
        part = separator or PAIR_SEPARATOR
        return text_rows.parse(stream, source, config, part, keep_all, row_groups=row_groups, classes=classes)
    if isinstance(config, PlainTextConfig):
        return plain_text.parse(stream, source, config, keep_all)
    if not isinstance(config, TaggedWordsConfig):
        return _TEXTS[type(config)](stream, source, config)
    assert tagging is not None
    if isinstance(config, TaggedObjectsConfig):
        return tagged_sentences.parse(stream, source, config, tagging, label_map, row_groups)
    return _TAGGED[type(config)](stream, source, config, tagging)


def check_header(stream: BinaryIO, source: str, config: SourceConfig) -> None:
    """Looks at a file's beginning, and raises what can be told from it.

    Raises:
        DataError: A header lacks a column, the first objects lack a field, or the encoding is another one.
    """
    if isinstance(config, TaggedSpansConfig):
        tables.check_columns(stream, source, config, attribute_spans.needed_columns(config))
    elif isinstance(config, ClassifiedTextsConfig) and config.format == "fasttext":
        fasttext.check_labels(stream, source, config)
    elif isinstance(config, ClassifiedTextsConfig) and config.format == "labelled_lines":
        labelled_lines.check_labels(stream, source, config)
    elif isinstance(config, text_rows.TextRowsConfig) and config.format not in _CLASSIFIED:
        tables.check_columns(stream, source, config, text_rows.needed_columns(config))
    elif isinstance(config, LabelStudioTableConfig):
        tables.check_columns(stream, source, config, label_studio.table_columns(config))
    elif isinstance(config, TaggedTableConfig):
        word_rows.check_columns(stream, source, config)
    elif isinstance(config, TaggedObjectsConfig):
        tagged_sentences.check_shape(stream, source, config)
    elif not isinstance(config, MediawikiConfig):
        open_text(stream, source, config.encoding)


def has_header(config: SourceConfig) -> bool:
    """Whether a file begins with a header line."""
    return isinstance(config, TableConfig) and config.has_header


def needed_columns(config: TableConfig) -> list[str]:
    """Columns that a file of delimited text has to have."""
    if isinstance(config, TaggedSpansConfig):
        return attribute_spans.needed_columns(config)
    assert isinstance(config, text_rows.TextRowsConfig)
    return text_rows.needed_columns(config)
