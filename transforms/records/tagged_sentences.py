"""JSON Lines, JSON and Parquet: a sentence a value, as words with their tags or as a text with marks."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, BinaryIO

from ulmfit_tfx.schemas.config.sources.tagged_words import TaggedObjectsConfig
from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records import json_objects, objects, parquet
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.line_blocks import read_lines
from ulmfit_tfx.transforms.records.marked_text import words_and_tags
from ulmfit_tfx.transforms.records.record import Refusal, Row, RowError
from ulmfit_tfx.transforms.records.tagged_objects import MarkedText, ShapeError, TagNames, read_sentence
from ulmfit_tfx.transforms.records.tagged_rows import TaggedRows

_LOOKED_AT = 100
"""Sentences of which one has to have a shape that is known."""


def parse(
    stream: BinaryIO,
    source: str,
    config: TaggedObjectsConfig,
    tagging: TagsConfig,
    label_map: Mapping[str, str] | None = None,
    row_groups: range | None = None,
) -> Iterator[Row | Refusal | Drop]:
    """Parses a file of sentences.

    With the label map `{"0": "O", "1": "B-LOC"}`, or `tag_names: [O, B-LOC]`, the lines

        [["to", 0], ["London", 1]]
        {"tokens": ["to", "London"], "ner_tags": [0, 1]}

    give `Row(text="to London", words=("to", "London"), tags=("O", "B-LOC"))`, and so do, without names of tags,

        {"text": "to London", "label": [[3, 9, "LOC"]]}
        {"text": "to London", "entities": [{"start_offset": 3, "end_offset": 9, "label": "LOC"}]}
        {"text": "to London", "spans": [{"start": 3, "end": 9, "label": "LOC"}]}
        ["to London", {"entities": [[3, 9, "LOC"]]}]

    Of JSON these are the items of a list, of Parquet its rows, as objects; names of tags that stand in a Parquet file,
    as Hugging Face writes them, are taken where none are set. A tag is a text, a number, or a list of these; a word may
    hold spaces. A text is cut into words as serving does it. Blank lines are no sentences. A text whose `answer` is not
    `accept`, as Prodigy's may be, is dropped.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Fields, tags, encoding and bounds.
        tagging: The scheme of the tags, and how texts are cut into words.
        label_map: Names of the tags, see `read_label_map`. None: as they are.
        row_groups: Of Parquet, those that are read. None: all.

    Yields:
        One `Row`, `Refusal` or `Drop` a sentence, in the file's order.
    """
    rows = TaggedRows(config, tagging)
    stream, in_file = _with_names(stream, source, config)
    names = TagNames(config, label_map, in_file)
    for value in _values(stream, source, config, row_groups):
        if isinstance(value, Refusal):
            yield value
            continue
        number, content = value
        try:
            found = read_sentence(_decoded(content), config, names, tagging.scheme == "plain")
            if isinstance(found, MarkedText):
                yield rows.row(*words_and_tags(found.text, found.marks, tagging), written=found.text, line=number)
            else:
                yield found if isinstance(found, Drop) else rows.row(found.words, found.tags, line=number)
        except RowError as error:
            yield error.refusal(source, number, content)


def check_shape(stream: BinaryIO, source: str, config: TaggedObjectsConfig) -> None:
    """Looks at the first sentences, without cutting texts.

    Raises:
        DataError: None of them has a shape that can be read as configured.
    """
    stream, in_file = _with_names(stream, source, config)
    names = TagNames(config, in_file=in_file)
    start = objects.first_characters(stream, config.encoding) if config.format == "jsonl" else ""
    problem: ShapeError | None = None
    refused: list[Refusal] = []
    for value in islice(_values(stream, source, config), _LOOKED_AT):
        if isinstance(value, Refusal):
            continue
        try:
            read_sentence(_decoded(value[1]), config, names, is_plain=True)
        except RowError as error:
            problem = problem or (error if isinstance(error, ShapeError) else None)
            refused.append(error.refusal(source, *value))
        else:
            return
    if refused and config.format == "jsonl":
        objects.check_is_lines(refused, start or refused[0].row.strip(), source)
    if problem is not None:
        raise DataError(f"{source}:1: {problem}.")


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


def _with_names(
    stream: BinaryIO, source: str, config: TaggedObjectsConfig
) -> tuple[BinaryIO, Mapping[str, Sequence[str]]]:
    """A file at its beginning, and the names of tags that stand in it, by field."""
    if config.format != "parquet":
        return stream, {}
    stream = parquet.seekable(stream)
    return stream, parquet.class_names(stream, source)


def _values(
    stream: BinaryIO, source: str, config: TaggedObjectsConfig, row_groups: range | None = None
) -> Iterator[tuple[int, str] | Refusal]:
    """Each value as JSON, with the line that it begins on, or the number of its row."""
    if config.format == "parquet":
        return ((found.line, found.row) for found in parquet.read_rows(stream, source, None, row_groups))
    return (json_objects.read_values if config.format == "json" else read_lines)(stream, source, config)


def _decoded(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise RowError("malformed JSON", str(error)) from None
