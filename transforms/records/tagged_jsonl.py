"""JSON Lines: a sentence a line, as words with their tags or as a text with marks."""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO

from ulmfit_tfx.schemas.config.sources.tagged_words import TaggedJsonlConfig
from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.line_blocks import read_lines
from ulmfit_tfx.transforms.records.marked_text import words_and_tags
from ulmfit_tfx.transforms.records.record import Refusal, Row, RowError
from ulmfit_tfx.transforms.records.tagged_objects import MarkedText, ShapeError, TagNames, read_sentence
from ulmfit_tfx.transforms.records.tagged_rows import TaggedRows

_LOOKED_AT = 100
"""Lines of which one has to have a shape that is known."""


def parse(
    stream: BinaryIO,
    source: str,
    config: TaggedJsonlConfig,
    tagging: TagsConfig,
    label_map: Mapping[str, str] | None = None,
) -> Iterator[Row | Refusal | Drop]:
    """Parses a file of sentences.

    With the label map `{"0": "O", "1": "B-LOC"}`, or `tag_names: [O, B-LOC]`, the lines

        [["to", 0], ["London", 1]]
        {"tokens": ["to", "London"], "ner_tags": [0, 1]}

    give `Row(text="to London", words=("to", "London"), tags=("O", "B-LOC"))`, and so do, without,

        {"text": "to London", "label": [[3, 9, "LOC"]]}
        {"text": "to London", "entities": [{"start_offset": 3, "end_offset": 9, "label": "LOC"}]}
        {"text": "to London", "spans": [{"start": 3, "end": 9, "label": "LOC"}]}
        ["to London", {"entities": [[3, 9, "LOC"]]}]

    A tag is a text, a number, or a list of these; a word may hold spaces. A text is cut into words as serving does it.
    Blank lines are no sentences. A text whose `answer` is not `accept`, as Prodigy's may be, is dropped.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Fields, tags, encoding and bounds.
        tagging: The scheme of the tags, and how texts are cut into words.
        label_map: Names of the tags, see `read_label_map`. None: as they are.

    Yields:
        One `Row`, `Refusal` or `Drop` a sentence, in the file's order.
    """
    rows = TaggedRows(config, tagging)
    names = TagNames(config, label_map)
    for line in read_lines(stream, source, config):
        if isinstance(line, Refusal):
            yield line
            continue
        number, content = line
        try:
            found = read_sentence(_decoded(content), config, names, tagging.scheme == "plain")
            if isinstance(found, MarkedText):
                yield rows.row(*words_and_tags(found.text, found.marks, tagging), written=found.text)
            else:
                yield found if isinstance(found, Drop) else rows.row(found.words, found.tags)
        except RowError as error:
            yield error.refusal(source, number, content)


def check_shape(stream: BinaryIO, source: str, config: TaggedJsonlConfig) -> None:
    """Looks at the first lines, without cutting texts.

    Raises:
        DataError: None of them has a shape that can be read as configured.
    """
    names = TagNames(config)
    problem: ShapeError | None = None
    for line in islice(read_lines(stream, source, config), _LOOKED_AT):
        if isinstance(line, Refusal):
            continue
        try:
            read_sentence(_decoded(line[1]), config, names, is_plain=True)
        except ShapeError as error:
            problem = problem or error
        except RowError:
            continue
        else:
            return
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


def _decoded(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RowError("malformed JSON", str(error)) from None
