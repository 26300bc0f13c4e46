"""Lines, and blocks of lines between blank ones, of bounded size, by their numbers."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import BinaryIO, TypeVar

from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.transforms.records.lines import bounded_lines, escaped, is_decoded, open_text
from ulmfit_tfx.transforms.records.record import BLANK_LINE, Refusal, Row, RowError

_Parsed = TypeVar("_Parsed")
_LINES_OF_SENTENCE = 1000
"""No sentence has more: blank lines are missing."""


@dataclasses.dataclass(frozen=True)
class Block:
    """Lines that stand together.

    Attributes:
        line: Number of the first one.
        lines: The lines, without line ends.
    """

    line: int
    lines: list[str]

    @property
    def text(self) -> str:
        """The lines with line ends between them."""
        return "\n".join(self.lines)


def read_lines(
    stream: BinaryIO, source: str, config: SourceConfig, keep_blank: bool = False
) -> Iterator[tuple[int, str] | Refusal]:
    """Reads the lines of a file.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Encoding and bounds.
        keep_blank: Blank lines are given too, as refusals.

    Yields:
        Number of each line, and the line without its end. In place of one of more than `max_row_bytes` characters, or
        with undecodable bytes, a refusal. Memory stays within that bound.
    """
    limit = config.max_row_bytes
    for number, line in enumerate(bounded_lines(open_text(stream, source, config.encoding), limit), start=1):
        if line is None:
            yield Refusal.too_long(source, number, limit)
        elif line.isspace() or not line:
            if keep_blank:
                yield Refusal(source, number, BLANK_LINE, "", "")
        elif is_decoded(line):
            yield number, line.removesuffix("\n")
        else:
            yield undecodable(source, number, line.removesuffix("\n"), config)


def read_blocks(
    stream: BinaryIO, source: str, config: SourceConfig, document_start: str | None = None
) -> Iterator[Block | Refusal]:
    """Reads the blocks of a file.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Encoding and bounds.
        document_start: A line that begins with this counts as a blank one.

    Yields:
        The blocks. In place of one of more than `max_row_bytes` characters, or with undecodable bytes, a refusal.
        Memory stays within that bound.
    """
    lines: list[str] = []
    first, size = 1, 0
    in_file = bounded_lines(open_text(stream, source, config.encoding), config.max_row_bytes)
    for number, line in enumerate(chain(in_file, [""]), start=1):
        if line is not None and (not line.strip() or (document_start is not None and line.startswith(document_start))):
            if size > config.max_row_bytes:
                yield _too_long(source, first, number - first, config)
            elif lines:
                yield _decoded(Block(first, lines), source, config)
            lines, size = [], 0
            continue
        first = number if size == 0 else first
        size += config.max_row_bytes + 1 if line is None else len(line)
        if line is None or size > config.max_row_bytes:
            lines = []
        else:
            lines.append(line.removesuffix("\n"))


def _too_long(source: str, first: int, lines: int, config: SourceConfig) -> Refusal:
    refusal = Refusal.too_long(source, first, config.max_row_bytes)
    if lines <= _LINES_OF_SENTENCE:
        return refusal
    detail = f"{refusal.detail}: {lines:,} lines without a blank one. A blank line ends a sentence"
    return dataclasses.replace(refusal, detail=detail)


def read_whole(stream: BinaryIO, source: str, config: SourceConfig) -> Iterator[Block | Refusal]:
    """Reads a file as one block.

    Yields:
        The block, if the file holds more than white space. In its place, where it has more than `max_row_bytes`
        characters or undecodable bytes, a refusal. Memory stays within that bound.
    """
    limit = config.max_row_bytes
    content = open_text(stream, source, config.encoding).read(limit + 1)
    if len(content) > limit:
        yield Refusal.too_long(source, 1, limit)
    elif content.removeprefix("\ufeff").strip():
        yield _decoded(Block(1, content.removeprefix("\ufeff").split("\n")), source, config)


def _decoded(block: Block, source: str, config: SourceConfig) -> Block | Refusal:
    for number, line in enumerate(block.lines, start=block.line):
        if not is_decoded(line):
            return undecodable(source, number, block.text, config)
    return block


def undecodable(source: str, number: int, row: str, config: SourceConfig) -> Refusal:
    """The refusal of a row that is not in the configured encoding."""
    return Refusal(source, number, f"not {config.encoding}", "undecodable bytes", escaped(row))


def rows_of_blocks(
    blocks: Iterable[tuple[Block, _Parsed] | Refusal], source: str, row_of: Callable[[Block, _Parsed], Row]
) -> Iterator[Row | Refusal]:
    """Makes a row of each block, or a refusal where `row_of` raises a `RowError`.

    Args:
        blocks: Each with what is known of it, or refused already.
        source: The file's name, for refusals.
        row_of: Makes a row.
    """
    for found in blocks:
        if isinstance(found, Refusal):
            yield found
            continue
        block, parsed = found
        try:
            yield dataclasses.replace(row_of(block, parsed), line=block.line)
        except RowError as error:
            yield error.refusal(source, block.line, block.text)
