"""CoNLL-U, the format of Universal Dependencies (https://universaldependencies.org/format.html)."""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import conllu
from conllu.exceptions import ParseException

from ulmfit_tfx.schemas.config import TaggingConfig
from ulmfit_tfx.schemas.source_config import LabelledSourceConfig
from ulmfit_tfx.transforms.records.line_blocks import Block, read_blocks
from ulmfit_tfx.transforms.records.record import Refusal, Row, RowError
from ulmfit_tfx.transforms.records.tagged_rows import TaggedRows

UNSPECIFIED = "_"
"""Tag of a word whose field is empty, as in the files."""

_COLUMNS_LINE = "# global.columns ="
_COLUMNS = ("upos", "xpos", "deprel", "feats")


def parse(
    stream: BinaryIO, source: str, config: LabelledSourceConfig, tagging: TaggingConfig
) -> Iterator[Row | Refusal]:
    """Parses a file of sentences.

    With `tag_field: upos`, the lines

        1-2  zum  _   _    ...
        1    zu   zu  ADP  ...
        2    dem  der DET  ...

    give `Row(text="zu dem", words=("zu", "dem"), tags=("ADP", "DET"))`: words are the syntactic ones, neither the
    tokens that stand for several of them nor empty nodes. A word without the field has the tag `_`; with a
    `tag_separator` it has none.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: The field, tags, encoding and bounds.
        tagging: The scheme of the tags.

    Yields:
        One `Row` or `Refusal` a sentence, in the file's order.
    """
    rows = TaggedRows(config, tagging)
    columns = ""
    for block in read_blocks(stream, source, config):
        if isinstance(block, Refusal):
            yield block
            continue
        columns = next((line for line in block.lines if line.startswith(_COLUMNS_LINE)), columns)
        if all(line.startswith("#") for line in block.lines):
            continue
        try:
            tokens = _syntactic_words(block, columns)
            tags = [_tag(token, config.tag_field, tagging.tag_separator) for token in tokens]
            yield rows.row([token["form"] for token in tokens], [[tag] for tag in tags])
        except RowError as error:
            yield error.refusal(source, block.line, block.text)


def _syntactic_words(block: Block, columns: str) -> list[Mapping[str, Any]]:
    """Words of a sentence, in a file whose line about its columns is `columns`."""
    try:
        (sentence,) = conllu.parse(f"{columns}\n{block.text}" if columns else block.text)
    except (ParseException, ValueError) as error:
        raise RowError("malformed CoNLL-U", str(error)) from None
    if not all("form" in token for token in sentence):
        raise RowError("malformed CoNLL-U", "a line has no word. Is the format conll?")
    return [token for token in sentence if isinstance(token.get("id"), int)]


def _tag(token: Mapping[str, Any], field: str, separator: str | None) -> str:
    name = field.lower()
    if name in _COLUMNS and name not in token:
        raise RowError("too few columns", f"'{token['form']}' has no {name}. Is the format conll?")
    if name in token:
        value = token[name]
        if isinstance(value, dict):
            value = "|".join(f"{key}={UNSPECIFIED if each is None else each}" for key, each in value.items())
    else:
        value = (token.get("feats") or {}).get(field) or (token.get("misc") or {}).get(field)
    missing = UNSPECIFIED if separator is None else ""
    return missing if value in (None, "", UNSPECIFIED) else str(value)
