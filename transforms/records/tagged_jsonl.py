"""JSON Lines: a sentence a line, a list of its words with their tags."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from ulmfit_tfx.schemas.config.sources.tagged_words import TaggedJsonlConfig
from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.line_blocks import read_lines
from ulmfit_tfx.transforms.records.lines import excerpt
from ulmfit_tfx.transforms.records.record import Refusal, Row, RowError
from ulmfit_tfx.transforms.records.tagged_rows import TaggedRows


def parse(
    stream: BinaryIO,
    source: str,
    config: TaggedJsonlConfig,
    tagging: TagsConfig,
    label_map: Mapping[str, str] | None = None,
) -> Iterator[Row | Refusal]:
    """Parses a file of sentences.

    With the label map `{"0": "O", "1": "B-LOC"}`, the line

        [["to", 0], ["London", 1]]

    gives `Row(text="to London", words=("to", "London"), tags=("O", "B-LOC"))`. A tag is a text, a number, or a list of
    these; a word may hold spaces. Blank lines are no sentences.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Tags, encoding and bounds.
        tagging: The scheme of the tags.
        label_map: Names of the tags, see `read_label_map`. None: as they are.

    Yields:
        One `Row` or `Refusal` a sentence, in the file's order.
    """
    rows = TaggedRows(config, tagging)
    for line in read_lines(stream, source, config):
        if isinstance(line, Refusal):
            yield line
            continue
        number, content = line
        try:
            yield rows.row(*_words_and_tags(content, label_map))
        except RowError as error:
            yield error.refusal(source, number, content)


def read_label_map(content: bytes, source: str) -> dict[str, str]:
    """Reads a label map: a JSON object from tags, as they stand in the data, to their names.

    Raises:
        DataError: It is none.
    """
    try:
        names = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}: is not JSON: {error}.") from None
    if not isinstance(names, dict) or not names or not all(isinstance(name, str) and name for name in names.values()):
        raise DataError(f'{source}: expected a JSON object from tags to names, such as {{"0": "O", "1": "B-LOC"}}.')
    return names


def _words_and_tags(line: str, label_map: Mapping[str, str] | None) -> tuple[list[str], list[list[str]]]:
    try:
        pairs = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RowError("malformed JSON", str(error)) from None
    if not isinstance(pairs, list):
        raise RowError("not a list of pairs", "expected a line as [[word, tag], [word, tag]]")
    words, tags = [], []
    for number, pair in enumerate(pairs, start=1):
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
            raise RowError("not a list of pairs", f"number {number} is {_shown(pair)}, expected [word, tag]")
        words.append(pair[0])
        tags.append([_name(tag, label_map) for tag in (pair[1] if isinstance(pair[1], list) else [pair[1]])])
    return words, tags


def _name(tag: Any, label_map: Mapping[str, str] | None) -> str:
    if isinstance(tag, bool) or not isinstance(tag, str | int | float):
        raise RowError("not a tag", f"{_shown(tag)}, expected a text, a number or a list of these")
    if label_map is None:
        return str(tag)
    if str(tag) not in label_map:
        raise RowError("tag not in label_map", f"{_shown(tag)}, expected one of {excerpt(', '.join(label_map))}")
    return label_map[str(tag)]


def _shown(value: Any) -> str:
    return excerpt(json.dumps(value, ensure_ascii=False))
