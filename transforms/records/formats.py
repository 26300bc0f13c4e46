"""Picks the parser of a source's format."""

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from ulmfit_tfx.schemas.config.sources.labelled_texts import LabelledTextsConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.tagged_words import (
    LabelStudioConfig,
    TaggedConllConfig,
    TaggedConlluConfig,
    TaggedJsonlConfig,
    TaggedSpansConfig,
    TaggedWordsConfig,
)
from ulmfit_tfx.schemas.config.sources.texts import (
    ConllTextConfig,
    ConlluTextConfig,
    MediawikiConfig,
    PlainTextConfig,
    TextColumnsConfig,
)
from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.schemas.config.tokenizer import PAIR_SEPARATOR
from ulmfit_tfx.transforms.records import (
    attribute_spans,
    columns,
    conll,
    conllu,
    json_objects,
    label_studio,
    mediawiki,
    plain_text,
    tagged_jsonl,
    text_rows,
)
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.lines import open_text
from ulmfit_tfx.transforms.records.record import Refusal, Row

_TEXTS: dict[type[SourceConfig], Callable[..., Iterator[Row | Refusal | Drop]]] = {
    ConllTextConfig: conll.parse_texts,
    ConlluTextConfig: conllu.parse_texts,
    MediawikiConfig: mediawiki.parse,
}
_TAGGED: dict[type[SourceConfig], Callable[..., Iterator[Row | Refusal]]] = {
    LabelStudioConfig: label_studio.parse,
    TaggedConllConfig: conll.parse,
    TaggedConlluConfig: conllu.parse,
    TaggedSpansConfig: attribute_spans.parse,
}


def parse(
    stream: BinaryIO,
    source: str,
    config: SourceConfig,
    tagging: TagsConfig | None = None,
    separator: str | None = None,
    label_map: Mapping[str, str] | None = None,
    keep_all: bool = False,
) -> Iterator[Row | Refusal | Drop]:
    """Parses a file of any format.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Format and what it needs.
        tagging: Of words with tags: the scheme and how texts are cut.
        separator: What stands between a text and a second one. None: `PAIR_SEPARATOR`.
        label_map: Of `jsonl`, see `tagged_jsonl.parse`.
        keep_all: Of texts: rows and refusals have the `columns` of their records, and blank lines are refused.

    Yields:
        One `Row` or `Refusal` a record, in the file's order; of `mediawiki` also `Drop`.

    Raises:
        DataError: The file as a whole cannot be read as configured.
    """
    if isinstance(config, TextColumnsConfig | LabelledTextsConfig):
        return text_rows.parse(stream, source, config, separator or PAIR_SEPARATOR, keep_all)
    if isinstance(config, PlainTextConfig):
        return plain_text.parse(stream, source, config, keep_all)
    if not isinstance(config, TaggedWordsConfig):
        return _TEXTS[type(config)](stream, source, config)
    assert tagging is not None
    if isinstance(config, TaggedJsonlConfig):
        return tagged_jsonl.parse(stream, source, config, tagging, label_map)
    return _TAGGED[type(config)](stream, source, config, tagging)


def check_header(stream: BinaryIO, source: str, config: SourceConfig) -> None:
    """Looks at a file's beginning, and raises what can be told from it.

    Raises:
        DataError: A header lacks a column, the first JSON objects lack a field, or the encoding is another one.
    """
    if isinstance(config, TaggedSpansConfig):
        columns.check_header(stream, source, config, attribute_spans.needed_columns(config))
    elif isinstance(config, TextColumnsConfig | LabelledTextsConfig):
        check = columns.check_header if has_header(config) else json_objects.check_fields
        check(stream, source, config, text_rows.needed_columns(config))
    elif not isinstance(config, MediawikiConfig):
        open_text(stream, source, config.encoding)


def has_header(config: SourceConfig) -> bool:
    """Whether the format begins with a header line."""
    return config.format in ("csv", "tsv", "spans_csv", "spans_tsv")
