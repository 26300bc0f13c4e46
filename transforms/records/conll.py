"""CoNLL's columns: a word and its tags a line, a blank line after each sentence."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from ulmfit_tfx.schemas.config import TaggingConfig
from ulmfit_tfx.schemas.source_config import LabelledSourceConfig
from ulmfit_tfx.transforms.records.line_blocks import Block, read_blocks
from ulmfit_tfx.transforms.records.lines import excerpt
from ulmfit_tfx.transforms.records.record import Refusal, Row, RowError
from ulmfit_tfx.transforms.records.tagged_rows import TaggedRows

_COMMENT = "#"
_SPACES = re.compile(" +")  # not \s: a word may hold a no-break space


def parse(
    stream: BinaryIO, source: str, config: LabelledSourceConfig, tagging: TaggingConfig
) -> Iterator[Row | Refusal]:
    """Parses a file of sentences.

        EU      NNP  B-ORG
        rejects VBZ  O

    gives `Row(text="EU rejects", words=("EU", "rejects"), tags=("B-ORG", "O"))`. Columns stand between tabs in a
    sentence that has any, else between spaces. Lines that begin with `-DOCSTART-` stand between documents and are left
    out, as are comments. These begin with `#`, and so may words: a comment is a line that has not as many columns as
    the first line of the sentence that begins with something else, or as the lines of the sentence before.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Columns, tags, encoding and bounds.
        tagging: The scheme of the tags.

    Yields:
        One `Row` or `Refusal` a sentence, in the file's order.
    """
    rows = TaggedRows(config, tagging)
    width = 0
    for block in read_blocks(stream, source, config):
        if isinstance(block, Refusal):
            yield block
            continue
        lines = _lines_of_words(block, width)
        if not lines:
            continue
        try:
            pairs = [_word_and_tag(number, columns, config) for number, columns in lines]
            width = len(lines[-1][1])
            yield rows.row([word for word, _ in pairs], [[tag] for _, tag in pairs])
        except RowError as error:
            yield error.refusal(source, block.line, block.text)


def _lines_of_words(block: Block, width: int) -> list[tuple[int, list[str]]]:
    """Number and columns of each line but comments, where lines of words had `width` columns before the block."""
    surely_words = [line for line in block.lines if not line.startswith(_COMMENT)]
    has_tabs = any("\t" in line for line in surely_words or block.lines)
    if surely_words:
        width = len(_columns(surely_words[0], has_tabs))
    lines = [(number, line, _columns(line, has_tabs)) for number, line in enumerate(block.lines, start=block.line)]
    return [
        (number, columns) for number, line, columns in lines if len(columns) == width or not line.startswith(_COMMENT)
    ]


def _columns(line: str, has_tabs: bool) -> list[str]:
    return line.split("\t") if has_tabs else _SPACES.split(line.strip(" "))


def _word_and_tag(number: int, columns: list[str], config: LabelledSourceConfig) -> tuple[str, str]:
    tag_column = config.tag_column + len(columns) * (config.tag_column < 0)
    if config.word_column == tag_column or not (config.word_column < len(columns) and 0 <= tag_column < len(columns)):
        detail = (
            f"{len(columns)} in '{excerpt(' '.join(columns))}', expected word_column {config.word_column} and "
            f"tag_column {config.tag_column}"
        )
        raise RowError("too few columns", detail, number)
    return columns[config.word_column], columns[tag_column]
