"""Picks the parser of a source's format."""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from ulmfit_tfx.schemas.config import PAIR_SEPARATOR, TaggingConfig
from ulmfit_tfx.schemas.source_config import TEXT_ROW_FORMATS, LabelledSourceConfig, SourceConfig
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

_SPANS = ("spans_csv", "spans_tsv")
_TEXTS = {
    "conll": conll.parse_texts,
    "conllu": conllu.parse_texts,
    "mediawiki": mediawiki.parse,
    "text": plain_text.parse,
}
_TAGGED = {
    "conll": conll.parse,
    "conllu": conllu.parse,
    "label_studio": label_studio.parse,
    **dict.fromkeys(_SPANS, attribute_spans.parse),
}


def parse(
    stream: BinaryIO,
    source: str,
    config: SourceConfig,
    tagging: TaggingConfig | None = None,
    separator: str | None = None,
    label_map: Mapping[str, str] | None = None,
) -> Iterator[Row | Refusal | Drop]:
    """Parses a file of any format.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Format and what it needs.
        tagging: Of words with tags: the scheme and how texts are cut. None: rows are texts, with labels or numbers or
            nothing.
        separator: What stands between a text and a second one. None: `PAIR_SEPARATOR`.
        label_map: Of `jsonl`, see `tagged_jsonl.parse`.

    Yields:
        One `Row` or `Refusal` a record, in the file's order; of `mediawiki` also `Drop`.

    Raises:
        DataError: The file as a whole cannot be read as configured.
    """
    if tagging is None:
        if config.format in TEXT_ROW_FORMATS:
            return text_rows.parse(stream, source, config, separator or PAIR_SEPARATOR)
        return _TEXTS[config.format](stream, source, config)
    assert isinstance(config, LabelledSourceConfig)
    if config.format == "jsonl":
        return tagged_jsonl.parse(stream, source, config, tagging, label_map)
    return _TAGGED[config.format](stream, source, config, tagging)


def check_header(stream: BinaryIO, source: str, config: SourceConfig) -> None:
    """Looks at a file's beginning, and raises what can be told from it.

    Raises:
        DataError: A header lacks a column, the first JSON objects lack a field, or the encoding is another one.
    """
    if config.format in _SPANS and isinstance(config, LabelledSourceConfig):
        columns.check_header(stream, source, config, attribute_spans.needed_columns(config))
    elif has_header(config):
        columns.check_header(stream, source, config, text_rows.needed_columns(config))
    elif config.format == "jsonl":
        json_objects.check_fields(stream, source, config, text_rows.needed_columns(config))
    elif config.format != "mediawiki":
        open_text(stream, source, config.encoding)


def has_header(config: SourceConfig) -> bool:
    """Whether the format begins with a header line."""
    return config.format in ("csv", "tsv", *_SPANS)
