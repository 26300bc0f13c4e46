"""CoNLL's columns: a word and its tags a line, a blank line after each sentence."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import BinaryIO

from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.tagged_words import TaggedConllConfig
from ulmfit_tfx.schemas.config.sources.texts import ConllTextConfig
from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.transforms.records.line_blocks import Block, read_blocks, rows_of_blocks
from ulmfit_tfx.transforms.records.lines import excerpt, is_longer
from ulmfit_tfx.transforms.records.record import Refusal, Row, RowError
from ulmfit_tfx.transforms.records.tagged_rows import TaggedRows

_Lines = list[tuple[int, list[str]]]
"""Number and columns of each."""

_COMMENT = "#"
_DOCUMENT_START = "-DOCSTART-"
_TEXT = re.compile(r"#\s*text\s*=(.*)")
_SPACES = re.compile(" +")  # not \s: a word may hold a no-break space


def parse(stream: BinaryIO, source: str, config: TaggedConllConfig, tagging: TagsConfig) -> Iterator[Row | Refusal]:
    """Parses a file of sentences.

        EU      NNP  B-ORG
        rejects VBZ  O

    gives `Row(text="EU rejects", words=("EU", "rejects"), tags=("B-ORG", "O"))`. Columns stand between tabs in a
    sentence that has any, else between spaces. Lines that begin with `-DOCSTART-` stand between documents and are left
    out, as are comments. These begin with `#`, and so may words: a comment is a line that has not as many columns as
    the first line of the sentence that begins with something else, or as the lines of the sentence before. A sentence
    is refused where one of its lines has another number of columns than most lines so far. A word that is white space,
    as in corpora of Thai, is left out.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Columns, tags, encoding and bounds.
        tagging: The scheme of the tags.

    Yields:
        One `Row` or `Refusal` a sentence, in the file's order.
    """
    rows = TaggedRows(config, tagging)
    widths: Counter[int] = Counter()

    def row_of(block: Block, lines: _Lines) -> Row:
        pairs = [_word_and_tag(number, columns, config) for number, columns in lines]
        own = Counter(len(columns) for _, columns in lines)
        _check_widths(lines, (widths + own).most_common(1)[0][0])
        written = text_comment(block.lines)
        row = rows.row([word for word, _ in pairs], [[tag] for _, tag in pairs], written=written)
        widths.update(own)
        return row

    return rows_of_blocks(_sentences(stream, source, config), source, row_of)


def parse_texts(stream: BinaryIO, source: str, config: ConllTextConfig) -> Iterator[Row | Refusal]:
    """Parses a file of sentences whose tags do not matter.

        EU      NNP  B-ORG
        rejects VBZ  O

    gives `Row(text="EU rejects")`: the words of `word_column` with spaces between them, or what stands in a comment as
    `# text = EU rejects.`, if there is one.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Column, encoding and bounds.

    Yields:
        One `Row` or `Refusal` a sentence, in the file's order.
    """

    def row_of(block: Block, lines: _Lines) -> Row:
        return text_row(text_comment(block.lines) or " ".join(_words(lines, config)), config)

    return rows_of_blocks(_sentences(stream, source, config), source, row_of)


def text_comment(lines: Iterable[str]) -> str | None:
    """The sentence as a comment has it.

    >>> text_comment(["# sent_id = 1", "# text = Fine, really."])
    'Fine, really.'
    """
    found = (_TEXT.match(line) for line in lines if line.startswith(_COMMENT))
    return next((match[1].strip() for match in found if match), None)


def text_row(text: str, config: SourceConfig) -> Row:
    """The row of a sentence.

    Raises:
        RowError: It is empty, or too long.
    """
    if is_longer(text, config.max_row_bytes):
        raise RowError.too_long(config.max_row_bytes)
    if not text:
        raise RowError("empty text", "expected words")
    return Row(text)


def _sentences(stream: BinaryIO, source: str, config: SourceConfig) -> Iterator[tuple[Block, _Lines] | Refusal]:
    """Each sentence, and number and columns of its lines but comments."""
    width = 0
    for block in read_blocks(stream, source, config, _DOCUMENT_START):
        if isinstance(block, Refusal):
            yield block
        elif lines := _lines_of_words(block, width):
            width = len(lines[0][1])
            yield block, lines


def _lines_of_words(block: Block, width: int) -> _Lines:
    """Number and columns of each line but comments, where lines of words had `width` columns before the block."""
    surely_words = [line for line in block.lines if not line.startswith(_COMMENT)]
    has_tabs = any("\t" in line for line in surely_words or block.lines)
    if surely_words:
        first = next((line for line in surely_words if not line.startswith(" ")), surely_words[0])
        width = len(_columns(first, has_tabs))
    lines = [(number, line, _columns(line, has_tabs)) for number, line in enumerate(block.lines, start=block.line)]
    if not has_tabs:
        last = {columns[-1] for _, _, columns in lines if len(columns) == width}
        lines = [(number, line, _with_space(line, columns, width, last)) for number, line, columns in lines]
    return [
        (number, columns)
        for number, line, columns in lines
        if not line.startswith(_COMMENT) or (len(columns) == width and not _TEXT.match(line))
    ]


def _columns(line: str, has_tabs: bool) -> list[str]:
    return line.split("\t") if has_tabs else _SPACES.split(line.strip(" "))


def _with_space(line: str, columns: list[str], width: int, last: Collection[str]) -> list[str]:
    """Columns of a line between spaces: the first one is a space where it seems to be missing, and the last is not."""
    is_space = line.startswith(" ") and len(columns) == width - 1 and columns[-1] in last
    return [" ", *columns] if is_space else columns


def _check_widths(lines: _Lines, expected: int) -> None:
    for number, columns in lines:
        if len(columns) != expected:
            detail = f"{len(columns)} in '{excerpt(' '.join(columns))}', where other lines have {expected}"
            raise RowError("wrong number of columns", detail, number)


def _word_and_tag(number: int, columns: list[str], config: TaggedConllConfig) -> tuple[str, str]:
    tag_column = config.tag_column + len(columns) * (config.tag_column < 0)
    if config.word_column == tag_column or not (config.word_column < len(columns) and 0 <= tag_column < len(columns)):
        detail = (
            f"{len(columns)} in '{excerpt(' '.join(columns))}', expected word_column {config.word_column} and "
            f"tag_column {config.tag_column}"
        )
        raise RowError("too few columns", detail, number)
    return columns[config.word_column], columns[tag_column]


def _words(lines: Iterable[tuple[int, list[str]]], config: ConllTextConfig) -> Iterator[str]:
    for number, columns in lines:
        if config.word_column >= len(columns):
            detail = f"{len(columns)} in '{excerpt(' '.join(columns))}', expected word_column {config.word_column}"
            raise RowError("too few columns", detail, number)
        yield columns[config.word_column].strip()
