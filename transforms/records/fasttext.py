"""fastText's lines: one or several labels, each with `__label__` before its name, and a text."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from ulmfit_tfx.schemas.config.sources.labelled_texts import ClassifiedTextsConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.label_names import LabelNames
from ulmfit_tfx.transforms.records.line_blocks import read_lines
from ulmfit_tfx.transforms.records.lines import is_longer
from ulmfit_tfx.transforms.records.record import Refusal, Row, RowError

PREFIX = "__label__"
_LABEL = re.compile(rf"(?<!\S){PREFIX}(\S*)\s*")
_LOOKED_AT = 100
"""Lines of which one has to have a label."""


def parse(stream: BinaryIO, source: str, config: ClassifiedTextsConfig) -> Iterator[Row | Refusal]:
    """Parses a file of texts with labels.

        __label__good Fine, really

    gives `Row("Fine, really", label="good")`, and with a `label_separator` `Row("Fine, really", labels=("good",))`. As
    in fastText, a label may stand anywhere in its line.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Labels, encoding and bounds.

    Yields:
        One `Row` or `Refusal` a line, in the file's order. Blank lines are none.
    """
    names = LabelNames(config.labels, config.label_names)
    for line in read_lines(stream, source, config):
        if isinstance(line, Refusal):
            yield line
            continue
        number, content = line
        try:
            yield _row(number, content, config, names)
        except RowError as error:
            yield error.refusal(source, number, content)


def check_labels(stream: BinaryIO, source: str, config: ClassifiedTextsConfig) -> None:
    """Looks at the first lines.

    Raises:
        DataError: There are some, and none has a label.
    """
    lines = [
        line[1] for line in islice(read_lines(stream, source, config), _LOOKED_AT) if not isinstance(line, Refusal)
    ]
    if lines and not any(map(_LABEL.search, lines)):
        raise DataError(
            f"{source}:1: format is fasttext, and none of the first {len(lines):,} lines has a label such as "
            f"{PREFIX}good. Set the format that it has."
        )


def _row(number: int, line: str, config: ClassifiedTextsConfig, names: LabelNames) -> Row:
    given = _LABEL.findall(line)
    text = _LABEL.sub("", line).strip()
    if is_longer(text, config.max_row_bytes):
        raise RowError.too_long(config.max_row_bytes)
    if not text:
        raise RowError("empty text", "there are labels alone")
    if "" in given:
        raise RowError("empty label", f"there is no name after {PREFIX}")
    if config.is_multi_label:
        return Row(text, labels=tuple(dict.fromkeys(map(names.name, given))), line=number)
    if not given:
        raise RowError("empty label", f"there is no {PREFIX}NAME")
    if len(given) > 1:
        raise RowError(
            "several labels",
            f"{', '.join(given)}. Where a row has any number of labels, set label_separator, to ' ' for example",
        )
    return Row(text, names.name(given[0]), line=number)
