"""Label Studio's JSON-min export: texts with marks at offsets."""

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from ulmfit_tfx.schemas.config.sources.tagged_words import LabelStudioConfig
from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.lines import excerpt, is_longer, open_text
from ulmfit_tfx.transforms.records.marked_text import Mark, check_text, words_and_tags
from ulmfit_tfx.transforms.records.offset_marks import marks_of, shown
from ulmfit_tfx.transforms.records.record import Refusal, Row, RowError
from ulmfit_tfx.transforms.records.tagged_rows import TaggedRows

MAX_FILE_CHARACTERS = 256 * 1024 * 1024
"""A JSON list can only be read as a whole."""

_SPACE = re.compile(r"[ \t\n\r]*")


def parse(stream: BinaryIO, source: str, config: LabelStudioConfig, tagging: TagsConfig) -> Iterator[Row | Refusal]:
    """Parses a file of texts with marks.

        [{"text": "to London.", "label": [{"start": 3, "end": 9, "text": "London", "labels": ["LOC"]}]}]

    gives `Row(text="to London .", words=("to", "London", "."), tags=("O", "B-LOC", "O"))`. A text without `label`, or
    what `label_controls` names, has no marks. Offsets count characters; where a mark's `text` says so, UTF-16 code
    units, as browsers do.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Key of the text, tags, encoding and bounds.
        tagging: The scheme of the tags, and how texts are cut into words.

    Yields:
        One `Row` or `Refusal` a text, in the file's order.

    Raises:
        DataError: The file is not a JSON list, has more than `MAX_FILE_CHARACTERS`, or has marks under another key.
    """
    rows = TaggedRows(config, tagging)
    for number, (line, item) in enumerate(_items(_content(stream, source, config.encoding), source), start=1):
        try:
            text, marks = _text_and_marks(item, config)
            yield rows.row(*words_and_tags(text, marks, tagging))
        except RowError as error:
            at_item = RowError(error.reason, f"item {number}: {error.detail}")
            row = json.dumps(item, ensure_ascii=False)
            yield at_item.refusal(source, line, "" if is_longer(row, config.max_row_bytes) else row)


def _content(stream: BinaryIO, source: str, encoding: str) -> str:
    content = open_text(stream, source, encoding).read(MAX_FILE_CHARACTERS + 1)
    if len(content) > MAX_FILE_CHARACTERS:
        raise DataError(
            f"{source}: has more than {MAX_FILE_CHARACTERS:,} characters, and a JSON list is read as a whole. Cut it "
            "into several files."
        )
    return content.removeprefix("\ufeff")


def _items(content: str, source: str) -> Iterator[tuple[int, Any]]:
    """Items of a JSON list, each with the line that it begins on."""
    decoder = json.JSONDecoder()
    position = _SPACE.match(content).end()  # type: ignore[union-attr]
    line = 1 + content.count("\n", 0, position)

    def fail(what: str) -> DataError:
        return DataError(
            f"{source}:{line}: malformed JSON: {what}. Expected Label Studio's JSON-min, a list of objects."
        )

    def skip_spaces() -> int:
        nonlocal line
        end = _SPACE.match(content, position).end()  # type: ignore[union-attr]
        line += content.count("\n", position, end)
        return end

    def expect(characters: str) -> str:
        found = content[position : position + 1]
        if not found or found not in characters:
            raise fail(f"{found!r} in place of {' or '.join(characters)}" if found else "the file ends within the list")
        return found

    expect("[")
    position += 1
    position = skip_spaces()
    is_last = content[position : position + 1] == "]"
    while not is_last:
        try:
            item, end = decoder.raw_decode(content, position)
        except (ValueError, RecursionError) as error:
            raise fail(str(error)) from None
        yield line, item
        line += content.count("\n", position, end)
        position = end
        position = skip_spaces()
        is_last = expect(",]") == "]"
        position += not is_last
        position = skip_spaces()
    position += 1
    position = skip_spaces()
    if position < len(content):
        raise fail(f"{content[position]!r} after the list")


def _text_and_marks(item: Any, config: LabelStudioConfig) -> tuple[str, list[Mark]]:
    if not isinstance(item, dict):
        raise RowError("not an object", "expected text and label")
    text = item.get(config.text_column)
    if not isinstance(text, str):
        raise RowError("no text", f"key '{config.text_column}'. Keys: {excerpt(', '.join(item))}")
    check_text(text, config.max_row_bytes)
    spans = []
    for control in config.label_controls:
        of_control = item.get(control, [])
        if not isinstance(of_control, list):
            raise RowError("not a mark", f"{control} is {shown(of_control)}, expected a list")
        spans += of_control
    if other := next((key for key in item if key not in config.label_controls and _are_marks(item[key])), None):
        controls = ", ".join(config.label_controls)
        raise DataError(
            f"{config.path}: there are marks in '{other}', and data.label_controls is [{controls}]. Set it "
            f"to [{other}], or to [{controls}, {other}] to read both."
        )
    return text, [mark for span in spans for mark in marks_of(span, text)]


def _are_marks(value: Any) -> bool:
    """Whether a value looks like the marks of a control."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, dict) and {"start", "end", "labels"} <= each.keys() for each in value)
    )
