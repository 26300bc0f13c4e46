"""Sentences as JSON values: words beside their tags, pairs of both, and texts with marks at offsets.

The shape is found in each row by itself, from its fields: a file may be read from its middle.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeGuard

from ulmfit_tfx.schemas.config.sources.tagged_words import TaggedObjectsConfig
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.lines import excerpt
from ulmfit_tfx.transforms.records.marked_text import Mark, check_text
from ulmfit_tfx.transforms.records.offset_marks import label_of, marks_of, shown
from ulmfit_tfx.transforms.records.record import RowError

SHAPES = (
    "expected one of: [[word, tag], [word, tag]]; "
    '{"tokens": ["to", "London"], "ner_tags": ["O", "B-LOC"]}; '
    '{"text": "to London", "label": [[3, 9, "LOC"]]}, also with entities or spans. Fields of other names: '
    "data.words_field and data.tags_field, or data.text_column and data.spans_field"
)

_WORDS_FIELDS = ("tokens", "words")
_TAGS_FIELD = re.compile(r"(.*_)?(tags?|labels?|ner|pos|upos|xpos)", re.IGNORECASE)
_SPANS_FIELDS = ("label", "labels", "entities", "spans", "annotations")
_ANSWER, _ACCEPTED = "answer", "accept"
"""Of Prodigy."""
_REJECTED = Drop("answer is not accept")


class ShapeError(RowError):
    """A row that has not the shape that is expected; where all have not, the configuration is to be changed."""


class TaggedWords(NamedTuple):
    """Words, and the tags of each."""

    words: list[str]
    tags: list[list[str]]


class MarkedText(NamedTuple):
    """A text, and what is marked in it."""

    text: str
    marks: list[Mark]


Sentence: TypeAlias = TaggedWords | MarkedText | Drop
"""What a value holds: a sentence, or the rule by which it is none, such as that it was not accepted."""


class TagNames:
    """Names of the tags that stand in a file as numbers, or otherwise."""

    def __init__(
        self,
        config: TaggedObjectsConfig,
        label_map: Mapping[str, str] | None = None,
        in_file: Mapping[str, Sequence[str]] | None = None,
    ):
        """Takes the names of `tag_names`, or else those of a label map that was read, or that stand in the file.

        Args:
            config: Of the source.
            label_map: By what stands in the data.
            in_file: In their order, by the field that has their numbers.
        """
        self.names = label_map
        self.field = "label_map" if config.tag_names is None else "tag_names"
        if config.tag_names is not None:
            self.names = _by_number(config.tag_names)
        self.are_named = config.tag_names is not None or config.label_map is not None or label_map is not None
        self.in_file = {} if self.are_named else {field: _by_number(names) for field, names in (in_file or {}).items()}

    def name(self, tag: Any, may_be_number: bool = False, field: str | None = None) -> str:
        """Name of a tag.

        Args:
            tag: As it stands in the file.
            may_be_number: A number is a tag as any other, where no names were given.
            field: That it stands in.

        Raises:
            RowError: It is none, or has no name.
        """
        if isinstance(tag, bool) or not isinstance(tag, str | int | float):
            raise RowError("not a tag", f"{shown(tag)}, expected a text, a number or a list of these")
        names = self.names if field is None else self.in_file.get(field, self.names)
        if not isinstance(tag, str) and names is None and not self.are_named and not may_be_number:
            raise ShapeError(
                "tags without names",
                f"they are numbers, such as {shown(tag)}. Name them in their order, from 0 on: "
                "data.tag_names: [O, B-PER, I-PER], and so on. Or give a file as data.label_map",
            )
        if names is None:
            return str(tag)
        if str(tag) not in names:
            where = self.field if names is self.names else "the names that the file has"
            raise RowError(f"tag not in {where}", f"{shown(tag)}, expected one of {excerpt(', '.join(names))}")
        return names[str(tag)]


def _by_number(names: Sequence[str]) -> dict[str, str]:
    """Names by themselves, and by their number from 0."""
    return {name: name for name in names} | {str(number): name for number, name in enumerate(names)}


def read_sentence(value: Any, config: TaggedObjectsConfig, names: TagNames, is_plain: bool) -> Sentence:
    """Reads what a value holds.

    Args:
        value: As JSON's decoder gives it.
        config: Names of the fields, where they are not found.
        names: Of the tags.
        is_plain: Tags are of no spans, so that in pairs a number may be one.

    Raises:
        RowError: It is no sentence, or one that is not as it should be.
        ShapeError: It has another shape.
    """
    if isinstance(value, list):
        if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict):
            return _read_object({config.text_column: value[0]} | value[1], config, names)  # spaCy's old pairs
        return _read_pairs(value, names, is_plain)
    if isinstance(value, dict):
        return _read_object(value, config, names)
    raise ShapeError("not a list of pairs", f"it is {shown(value)}, {SHAPES}")


def _read_pairs(pairs: list[Any], names: TagNames, is_plain: bool) -> TaggedWords:
    words, tags = [], []
    for number, pair in enumerate(pairs, start=1):
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
            detail = f"number {number} is {shown(pair)}, expected [word, tag]"
            raise ShapeError("not a list of pairs", detail)
        words.append(pair[0])
        tags.append([names.name(tag, is_plain) for tag in _listed(pair[1])])
    return TaggedWords(words, tags)


def _read_object(
    found: Mapping[str, Any], config: TaggedObjectsConfig, names: TagNames
) -> TaggedWords | MarkedText | Drop:
    words_field = config.words_field or next((field for field in _WORDS_FIELDS if _is_of_texts(found.get(field))), None)
    if words_field is not None and config.spans_field is None:
        return _read_columns(found, words_field, config, names)
    return _read_marked(found, config, names)


def _read_columns(
    found: Mapping[str, Any], words_field: str, config: TaggedObjectsConfig, names: TagNames
) -> TaggedWords:
    words = found.get(words_field)
    if not _is_of_texts(words):
        raise ShapeError("no words", f"field '{words_field}' is not a list of texts. Fields: {_fields(found)}")
    tags_field = config.tags_field or _only(
        [field for field, value in found.items() if isinstance(value, list) and _TAGS_FIELD.fullmatch(field)],
        "tags_field",
        found,
    )
    tags = found.get(tags_field)
    if not isinstance(tags, list):
        raise ShapeError("no tags", f"field '{tags_field}' is not a list. Fields: {_fields(found)}")
    if len(tags) != len(words):
        detail = f"{len(words)} words in '{words_field}', {len(tags)} tags in '{tags_field}'"
        raise RowError("not as many tags as words", detail)
    named = [[names.name(tag, field=tags_field) for tag in _listed(of_word)] for of_word in tags]
    return TaggedWords(words, named)


def _read_marked(found: Mapping[str, Any], config: TaggedObjectsConfig, names: TagNames) -> MarkedText | Drop:
    text = found.get(config.text_column)
    if not isinstance(text, str):
        raise ShapeError("not a list of pairs", f"an object with the fields {_fields(found)}, {SHAPES}")
    field = config.spans_field or _only(
        [field for field in _SPANS_FIELDS if field in found and not _is_class(found[field])], "spans_field", found
    )
    entries = found.get(field)
    if field not in found or not isinstance(entries, list | None):
        raise ShapeError("no marks", f"field '{field}' is not a list. Fields: {_fields(found)}")
    if found.get(_ANSWER, _ACCEPTED) != _ACCEPTED:
        return _REJECTED
    check_text(text, config.max_row_bytes)
    marks = [mark for entry in entries or [] for mark in marks_of(entry, text, lambda tag: label_of(names.name(tag)))]
    return MarkedText(text, marks)


def _only(fields: list[str], setting: str, found: Mapping[str, Any]) -> str:
    """The only one of some fields.

    Raises:
        ShapeError: There is another number of them.
    """
    if len(fields) == 1:
        return fields[0]
    if fields:
        raise ShapeError("which field is meant?", f"{' or '.join(fields)}. Set data.{setting} to one of them")
    what = "tags of the words" if setting == "tags_field" else "marks in the text"
    raise ShapeError("not a list of pairs", f"no {what} among the fields {_fields(found)}, {SHAPES}")


def _is_class(value: Any) -> bool:
    """Whether a value is the label of a whole text, not marks."""
    return isinstance(value, str | int | float) or (bool(value) and _is_of_texts(value))


def _is_of_texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _fields(found: Iterable[str]) -> str:
    return excerpt(", ".join(found))
