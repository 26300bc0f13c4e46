"""Picks the parser of a source's format."""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from ulmfit_tfx.schemas.config import PAIR_SEPARATOR, TaggingConfig
from ulmfit_tfx.schemas.source_config import LabelledSourceConfig, SourceConfig
from ulmfit_tfx.transforms.records import (
    attribute_spans,
    columns,
    conll,
    conllu,
    delimited,
    label_studio,
    plain_text,
    tagged_jsonl,
)
from ulmfit_tfx.transforms.records.record import Refusal, Row

_SPANS = ("spans_csv", "spans_tsv")
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
) -> Iterator[Row | Refusal]:
    """Parses a file of any format.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Format and what it needs.
        tagging: Of words with tags: the scheme and how texts are cut. None: the defaults.
        separator: What stands between a text and a second one. None: `PAIR_SEPARATOR`.
        label_map: Of `jsonl`, see `tagged_jsonl.parse`.

    Yields:
        One `Row` or `Refusal` a record, in the file's order.

    Raises:
        DataError: The file as a whole cannot be read as configured.
    """
    if tagging is None:
        if config.format == "text":
            return plain_text.parse(stream, source, config)
        return delimited.parse(stream, source, config, separator or PAIR_SEPARATOR)
    if config.format == "jsonl":
        return tagged_jsonl.parse(stream, source, config, tagging, label_map)
    return _TAGGED[config.format](stream, source, config, tagging)


def check_header(stream: BinaryIO, source: str, config: SourceConfig) -> None:
    """Raises what `parse` would raise about a header, where the format has one, without reading on."""
    if has_header(config):
        if isinstance(config, LabelledSourceConfig) and config.is_tagged:
            needed = attribute_spans.needed_columns(config)
        else:
            needed = delimited.needed_columns(config)
        columns.check_header(stream, source, config, needed)


def has_header(config: SourceConfig) -> bool:
    """Whether the format begins with a header line."""
    return config.format in ("csv", "tsv", *_SPANS)
