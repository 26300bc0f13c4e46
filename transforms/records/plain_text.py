"""Plain text: one row a line, blank lines are none."""

from collections.abc import Iterator
from typing import BinaryIO

from ulmfit_tfx.schemas.source_config import SourceConfig
from ulmfit_tfx.transforms.records.lines import bounded_lines, excerpt, is_decoded, open_text
from ulmfit_tfx.transforms.records.record import Refusal, Row


def parse(stream: BinaryIO, source: str, config: SourceConfig) -> Iterator[Row | Refusal]:
    """Parses a file of texts. The line `  A sentence.` gives `Row(text="A sentence.")`."""
    for number, line in enumerate(bounded_lines(open_text(stream, config.encoding), config.max_row_bytes), start=1):
        if line is None:
            yield Refusal.too_long(source, number, config.max_row_bytes)
        elif not line.strip():
            continue
        elif not is_decoded(line):
            yield Refusal(source, number, f"not {config.encoding}", "undecodable bytes", excerpt(line))
        else:
            yield Row(line.strip())
