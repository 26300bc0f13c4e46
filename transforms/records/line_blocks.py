"""Blocks of lines between blank ones, of bounded size: the sentences of CoNLL's formats."""

import dataclasses
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from ulmfit_tfx.schemas.source_config import SourceConfig
from ulmfit_tfx.transforms.records.lines import bounded_lines, excerpt, is_decoded, open_text
from ulmfit_tfx.transforms.records.record import Refusal

_DOCUMENT_START = "-DOCSTART-"


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


def read_blocks(stream: BinaryIO, source: str, config: SourceConfig) -> Iterator[Block | Refusal]:
    """Reads a file. A line that begins with `-DOCSTART-` counts as a blank one.

    Yields:
        The blocks. In place of one of more than `max_row_bytes` characters, or with undecodable bytes, a refusal.
        Memory stays within that bound.
    """
    lines: list[str] = []
    first, size = 1, 0
    in_file = bounded_lines(open_text(stream, config.encoding), config.max_row_bytes)
    for number, line in enumerate(chain(in_file, [""]), start=1):
        if line is not None and (not line.strip() or line.startswith(_DOCUMENT_START)):
            if size > config.max_row_bytes:
                yield Refusal.too_long(source, first, config.max_row_bytes)
            elif lines:
                yield _decoded(Block(first, lines), source, config.encoding)
            lines, size = [], 0
            continue
        first = number if size == 0 else first
        size += config.max_row_bytes + 1 if line is None else len(line)
        if line is None or size > config.max_row_bytes:
            lines = []
        else:
            lines.append(line.removesuffix("\n"))


def _decoded(block: Block, source: str, encoding: str) -> Block | Refusal:
    for number, line in enumerate(block.lines, start=block.line):
        if not is_decoded(line):
            return Refusal(source, number, f"not {encoding}", "undecodable bytes", excerpt(line))
    return block
