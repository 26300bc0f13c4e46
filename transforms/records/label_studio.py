"""Label Studio's exports, JSON, JSON-min, CSV and TSV: texts with marks at offsets."""

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from ulmfit_tfx.schemas.config.sources.tagged_words import (
    LabelStudioConfig,
    LabelStudioExportConfig,
    LabelStudioTableConfig,
)
from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records import tables
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.lines import excerpt, is_longer, open_text
from ulmfit_tfx.transforms.records.marked_text import Mark, check_text, words_and_tags
from ulmfit_tfx.transforms.records.offset_marks import marks_of, shown
from ulmfit_tfx.transforms.records.record import Refusal, Row, RowError
from ulmfit_tfx.transforms.records.tagged_rows import TaggedRows

MAX_FILE_CHARACTERS = 256 * 1024 * 1024
"""A JSON list can only be read as a whole."""

_IDS = ("id", "annotation_id")
"""Of a text and of its annotation, where there is a row for each annotation."""
_AGAIN = Drop("another annotation of the same text")
_NOT_ANNOTATED = Drop("not annotated")
_SPACE = re.compile(r"[ \t\n\r]*")


def parse(
    stream: BinaryIO, source: str, config: LabelStudioConfig, tagging: TagsConfig
) -> Iterator[Row | Refusal | Drop]:
    """Parses a JSON file of texts with marks.

        [{"text": "to London.", "label": [{"start": 3, "end": 9, "text": "London", "labels": ["LOC"]}]}]

    gives `Row(text="to London .", words=("to", "London", "."), tags=("O", "B-LOC", "O"))`, and so does the full export

        [{"data": {"text": "to London."}, "annotations": [{"result": [
            {"from_name": "label", "value": {"start": 3, "end": 9, "text": "London", "labels": ["LOC"]}}]}]}]

    A text without `label`, or what `label_controls` names, has no marks. Offsets count characters; where a mark's
    `text` says so, UTF-16 code units, as browsers do. Of several annotations of a text the one that is the ground truth
    counts, or else the first that was submitted; a text whose annotations were all cancelled, or that has none in a
    full export, is dropped.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Key of the text, tags, encoding and bounds.
        tagging: The scheme of the tags, and how texts are cut into words.

    Yields:
        One `Row`, `Refusal` or `Drop` a text, in the file's order.

    Raises:
        DataError: The file is not a JSON list, has more than `MAX_FILE_CHARACTERS`, or has marks under another key.
    """
    rows = TaggedRows(config, tagging)
    annotated = _Annotated()
    for number, (line, item) in enumerate(_items(_content(stream, source, config.encoding), source), start=1):
        try:
            short = _as_json_min(item)
            if isinstance(short, Drop):
                yield short
            elif annotated.is_again(short):
                yield _AGAIN
            else:
                text, marks = _text_and_marks(short, config)
                yield rows.row(*words_and_tags(text, marks, tagging), written=text, line=line)
        except RowError as error:
            at_item = RowError(error.reason, f"item {number}: {error.detail}")
            row = json.dumps(item, ensure_ascii=False)
            yield at_item.refusal(source, line, "" if is_longer(row, config.max_row_bytes) else row)


def parse_table(
    stream: BinaryIO, source: str, config: LabelStudioTableConfig, tagging: TagsConfig
) -> Iterator[Row | Refusal | Drop]:
    """Parses CSV or TSV of texts with marks, which are JSON in a cell.

        id,annotation_id,text,label
        7,1,to London.,"[{""start"":3,""end"":9,""text"":""London"",""labels"":[""LOC""]}]"

    gives the row that `parse` gives. A cell without anything has no marks.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Column of the text, tags, encoding and bounds.
        tagging: The scheme of the tags, and how texts are cut into words.

    Yields:
        One `Row`, `Refusal` or `Drop` a text, in the file's order.

    Raises:
        DataError: The file is empty, its header lacks a column, or a column has marks that is not named.
    """
    rows = TaggedRows(config, tagging)
    annotated = _Annotated()
    stream, names = tables.with_names(stream, source, config)
    ids = [name for name in _IDS if name in names]
    needed = table_columns(config) + (ids if len(ids) == len(_IDS) else [])
    for record in tables.read_records(stream, source, config, needed):
        if isinstance(record, Refusal):
            yield record
            continue
        try:
            _check_cells(record.parts, [record.values[control] for control in config.label_controls], config)
            item: dict[str, Any] = {name: record.values[name] for name in needed}
            if annotated.is_again(item):
                yield _AGAIN
                continue
            for control in config.label_controls:
                item[control] = marks_in_cell(record.values[control]) or []
            text, marks = _text_and_marks(item, config)
            yield rows.row(*words_and_tags(text, marks, tagging), written=text, line=record.line)
        except RowError as error:
            yield error.refusal(source, record.line, record.row)


def table_columns(config: LabelStudioTableConfig) -> list[str]:
    """Columns that the header has to name."""
    return [config.text_column, *config.label_controls]


def marks_in_cell(cell: str) -> list[Any] | None:
    """The marks that a cell holds as JSON, None where it is empty.

    Raises:
        RowError: It holds something else.
    """
    if not cell:
        return None
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        found = None
    if not _are_marks(found) and found != []:
        raise RowError("not a mark", f"{excerpt(cell)}, expected a list of start, end and labels, as JSON")
    return found


def are_marks_in_cell(cell: str) -> bool:
    """Whether a cell holds marks as JSON."""
    if not cell.startswith("[{"):
        return False
    with contextlib.suppress(RowError):
        return bool(marks_in_cell(cell))
    return False


def _check_cells(cells: Iterable[str], read: Sequence[str], config: LabelStudioTableConfig) -> None:
    for cell in cells:
        if cell not in read and are_marks_in_cell(cell):
            controls = ", ".join(config.label_controls)
            raise DataError(
                f"{config.path}: a column has marks, such as {excerpt(cell)}, and data.label_controls is [{controls}]. "
                "Set it to the names of all columns with marks that are to be read."
            )


class _Annotated:
    """Texts that were annotated before, in exports with a row for each annotation."""

    def __init__(self) -> None:
        self.ids: set[str] = set()

    def is_again(self, item: Any) -> bool:
        """Whether a text has been there already, with another annotation."""
        if not isinstance(item, dict) or not all(isinstance(item.get(name), int | str) for name in _IDS):
            return False
        size = len(self.ids)
        self.ids.add(str(item[_IDS[0]]))
        return len(self.ids) == size


def _as_json_min(item: Any) -> Any:
    """An item of the full export as one of JSON-min, or why there is none; any other item as it is."""
    if not isinstance(item, dict) or not isinstance(item.get("data"), dict):
        return item
    annotations = next((item[name] for name in ("annotations", "completions") if name in item), None)
    if annotations is None:
        return item
    if not isinstance(annotations, list) or not all(isinstance(each, dict) for each in annotations):
        raise RowError("not an annotation", shown(annotations))
    submitted = [each for each in annotations if not each.get("was_cancelled")]
    if not submitted:
        return _NOT_ANNOTATED
    by_control: dict[str, list[Any]] = {}
    for result in _chosen(submitted).get("result") or []:
        value = result.get("value") if isinstance(result, dict) else None
        if isinstance(value, dict) and "start" in value:
            by_control.setdefault(str(result.get("from_name")), []).append(value)
    return item["data"] | by_control


def _chosen(annotations: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The ground truth, or else the annotation that was submitted first."""
    truths = [each for each in annotations if each.get("ground_truth")] or annotations
    has_times = all(isinstance(each.get("created_at"), str) for each in truths)
    return min(truths, key=lambda each: each["created_at"]) if has_times else truths[0]


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
            f"{source}:{line}: malformed JSON: {what}. Expected Label Studio's JSON or JSON-min, a list of objects."
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


def _text_and_marks(item: Any, config: LabelStudioExportConfig) -> tuple[str, list[Mark]]:
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
