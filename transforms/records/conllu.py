"""CoNLL-U, the format of Universal Dependencies (https://universaldependencies.org/format.html)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import conllu
from conllu.exceptions import ParseException

from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.tagged_words import TaggedConlluConfig
from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.transforms.records.conll import text_comment, text_row
from ulmfit_tfx.transforms.records.line_blocks import Block, read_blocks, rows_of_blocks
from ulmfit_tfx.transforms.records.lines import excerpt
from ulmfit_tfx.transforms.records.record import Refusal, Row, RowError
from ulmfit_tfx.transforms.records.tagged_rows import TaggedRows

UNSPECIFIED = "_"
"""Tag of a word whose field is empty, as in the files."""

_COLUMNS_LINE = "# global.columns ="
_COLUMNS = ("upos", "xpos", "deprel", "feats")


def parse(stream: BinaryIO, source: str, config: TaggedConlluConfig, tagging: TagsConfig) -> Iterator[Row | Refusal]:
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

    def row_of(block: Block, columns: str) -> Row:
        tokens = [token for token in _tokens(block, columns) if isinstance(token.get("id"), int)]
        tags = [_tag(token, config.tag_field, tagging.tag_separator) for token in tokens]
        written = text_comment(block.lines)
        return rows.row([token["form"] for token in tokens], [[tag] for tag in tags], written=written)

    return rows_of_blocks(_sentences(stream, source, config), source, row_of)


def parse_texts(stream: BinaryIO, source: str, config: SourceConfig) -> Iterator[Row | Refusal]:
    """Parses a file of sentences whose tags do not matter.

        1-2  zum   _     _    ...
        1    zu    zu    ADP  ...
        2    dem   der   DET  ...
        3    Haus  Haus  NOUN ...  SpaceAfter=No
        4    !     !     PUNCT ...

    gives `Row(text="zum Haus!")`: what stands in a comment as `# text = zum Haus!`, or the tokens of the surface with
    spaces between them but for `SpaceAfter=No`.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Encoding and bounds.

    Yields:
        One `Row` or `Refusal` a sentence, in the file's order.
    """

    def row_of(block: Block, columns: str) -> Row:
        return text_row(text_comment(block.lines) or _surface(_tokens(block, columns)), config)

    return rows_of_blocks(_sentences(stream, source, config), source, row_of)


def _sentences(stream: BinaryIO, source: str, config: SourceConfig) -> Iterator[tuple[Block, str] | Refusal]:
    """Each sentence, and the line about the file's columns if there was one."""
    columns = ""
    for block in read_blocks(stream, source, config):
        if isinstance(block, Refusal):
            yield block
            continue
        columns = next((line for line in block.lines if line.startswith(_COLUMNS_LINE)), columns)
        if not all(line.startswith("#") for line in block.lines):
            yield block, columns


def _tokens(block: Block, columns: str) -> list[Mapping[str, Any]]:
    """All tokens of a sentence, in a file whose line about its columns is `columns`."""
    try:
        (sentence,) = conllu.parse(f"{columns}\n{block.text}" if columns else block.text)
    except (ParseException, ValueError) as error:
        raise RowError("malformed CoNLL-U", excerpt(str(error))) from None
    if not all("form" in token for token in sentence):
        raise RowError("malformed CoNLL-U", "a line has no word. Is the format conll?")
    return list(sentence)


def _surface(tokens: Iterable[Mapping[str, Any]]) -> str:
    """The text of tokens: of one that stands for several words the token, and no empty nodes."""
    text = ""
    covered = 0
    for token in tokens:
        number = token.get("id")
        if isinstance(number, tuple) and number[1] == "-":
            covered = number[2]
        elif not isinstance(number, int) or number <= covered:
            continue
        is_joined = (token.get("misc") or {}).get("SpaceAfter") == "No"
        text += token["form"] + ("" if is_joined else " ")
    return text.strip()


def _tag(token: Mapping[str, Any], field: str, separator: str | None) -> str:
    name = field.lower()
    if name in _COLUMNS and name not in token:
        raise RowError("too few columns", f"'{excerpt(token['form'])}' has no {name}. Is the format conll?")
    if name in token:
        value = token[name]
        if isinstance(value, dict):
            value = "|".join(f"{key}={UNSPECIFIED if each is None else each}" for key, each in value.items())
    else:
        value = (token.get("feats") or {}).get(field) or (token.get("misc") or {}).get(field)
    missing = UNSPECIFIED if separator is None else ""
    return missing if value in (None, "", UNSPECIFIED) else str(value)
