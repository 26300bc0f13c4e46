"""Plain text: a row is a line, a paragraph or a document."""

from collections.abc import Iterator
from typing import BinaryIO

from ulmfit_tfx.schemas.config.sources.texts import PlainTextConfig
from ulmfit_tfx.transforms.records.line_blocks import read_blocks, read_lines, read_whole
from ulmfit_tfx.transforms.records.lines import is_longer
from ulmfit_tfx.transforms.records.record import Refusal, Row


def parse(stream: BinaryIO, source: str, config: PlainTextConfig, keep_all: bool = False) -> Iterator[Row | Refusal]:
    r"""Parses a file of texts.

    Of a file with the lines

          A sentence
        goes on.

        Another.

    `text_unit: line` gives `Row("A sentence")`, `Row("goes on.")` and `Row("Another.")`; `paragraph` gives
    `Row("A sentence goes on.")` and `Row("Another.")`; `document` gives `Row("A sentence\ngoes on.\n\nAnother.")`. A
    document keeps its line ends, as `\n`, and all white space but that around it.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Unit, encoding and bounds.
        keep_all: Blank lines are refused, so that each line has its row or its refusal. Otherwise they are none.

    Yields:
        One `Row` or `Refusal` a unit, in the file's order.
    """
    for unit in _units(stream, source, config, keep_all):
        if isinstance(unit, Refusal):
            yield unit
            continue
        line, text = unit
        text = text.strip()
        if is_longer(text, config.max_row_bytes):
            yield Refusal.too_long(source, line, config.max_row_bytes)
        else:
            yield Row(text, line=line)


def _units(
    stream: BinaryIO, source: str, config: PlainTextConfig, keep_all: bool
) -> Iterator[tuple[int, str] | Refusal]:
    """Text of each unit, and the line that it begins on."""
    if config.text_unit == "line":
        yield from read_lines(stream, source, config, keep_all)
        return
    is_paragraph = config.text_unit == "paragraph"
    for block in (read_blocks if is_paragraph else read_whole)(stream, source, config):
        if isinstance(block, Refusal):
            yield block
        else:
            yield block.line, " ".join(map(str.strip, block.lines)) if is_paragraph else block.text
