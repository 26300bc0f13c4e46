"""Recognizes the layout of a file: its format, and the fields that the configuration needs to read it.

One function a layout, in the order in which they are tried: the ones that leave no doubt come first.
"""

import dataclasses
import itertools
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ulmfit_tfx.components.corpus_ingest.source_files import open_file
from ulmfit_tfx.pipeline.tools.init.data_files import suffix_of
from ulmfit_tfx.pipeline.tools.init.delimiters import Columns, sniff
from ulmfit_tfx.pipeline.tools.init.loose_objects import columns_of, values_of
from ulmfit_tfx.pipeline.tools.init.task_names import CLASSIFICATION, LANGUAGE_MODEL, TAGGING
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.lines import open_text

_LINES = 2_000
"""That the layout is told from."""
_LINE_CHARACTERS = 100_000
_JSON_CHARACTERS = 64 << 20
_SPACES = re.compile(r"\t| +")
_TAG = re.compile(r"O|[BIELSU]-.+")
_INDEX = re.compile(r"\d+")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_START = 1 << 12
_WORD_FIELDS = ("tokens", "words")
_SPAN_FIELDS = ("label", "labels", "entities", "spans", "annotations")
_WORD_NAMES = {"word", "token", "words", "tokens"}
_TAG_NAMES = {"tag", "ner", "ner_tag", "label", "tags", "iob"}
_FORMATS = {",": ("csv", "CSV"), "\t": ("tsv", "TSV")}
_NAMED = {";": "semicolons", "|": "vertical bars"}


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a file is laid out.

    Attributes:
        title: In words.
        fields: Of the section `data`, or `corpus`, `format` among them.
        columns: The names of its columns, or fields; none where there are no named ones.
        task: The one that it has rows for; None where that depends on the columns.
        sections: Of the configuration, that go with it.
    """

    title: str
    fields: Mapping[str, Any]
    columns: tuple[str, ...] = ()
    task: str | None = None
    sections: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Beginning:
    """What a file begins with.

    Attributes:
        file: Its path.
        lines: Without their line ends.
        encoding: Of the file.
    """

    file: str
    lines: Sequence[str]
    encoding: str

    @property
    def filled(self) -> list[str]:
        """Lines that hold something."""
        return [line for line in self.lines if line.strip()]


def layout_of(file: str, encoding: str) -> Layout:
    """Recognizes a file's layout. What is none of the others is plain text.

    Raises:
        DataError: The file is empty.
    """
    beginning = Beginning(file, _lines(file, encoding), encoding)
    if not beginning.filled:
        raise DataError(f"{file}: the file is empty.")
    return next(layout for recognize in _RECOGNIZED if (layout := recognize(beginning)) is not None)


def binary_layout(file: str) -> Layout | None:
    """Recognizes a file that is no text; None of one that is.

    Its columns are looked up, for they stand nowhere in its first bytes.
    """
    with open_file(file) as stream:
        start = stream.read(_START)
    if start.startswith(b"PAR1"):
        return Layout("Parquet", {"format": "parquet"}, columns_of(file, "parquet"))
    if start.startswith(b"PK\x03\x04") and (b"xl/" in start or suffix_of(file) == ".xlsx"):
        return Layout("an Excel workbook", {"format": "xlsx"}, columns_of(file, "xlsx"))
    return None


def folder_layout(files: Sequence[str], folder: str) -> Layout | None:
    """Recognizes texts that are a file each, in a folder for each label; None of others."""
    labels = Counter(os.path.relpath(os.path.dirname(file) or os.curdir, folder) for file in files)
    is_flat = all(os.sep not in label and label != os.curdir for label in labels)
    if len(labels) < 2 or not is_flat or suffix_of(files[0]) not in (".txt", "") or len(files) < 2 * len(labels):
        return None
    return Layout("a text a file, in a folder for each label", {"format": "class_folders"}, task=CLASSIFICATION)


def _lines(file: str, encoding: str) -> list[str]:
    with open_file(file) as stream:
        text = open_text(stream, file, encoding)
        lines = iter(lambda: text.readline(_LINE_CHARACTERS), "")
        return [line.removeprefix("\ufeff").removesuffix("\n") for line in itertools.islice(lines, _LINES)]


def _mediawiki(beginning: Beginning) -> Layout | None:
    if not any(line.lstrip().startswith("<mediawiki") for line in beginning.filled[:5]):
        return None
    return Layout("the XML dump of a wiki", {"format": "mediawiki"}, task=LANGUAGE_MODEL)


def _conllu(beginning: Beginning) -> Layout | None:
    words = [line.split("\t") for line in beginning.filled if not line.startswith("#")]
    if not words or not all(len(word) == 10 and word[0][:1].isdigit() for word in words[:200]):
        return None
    return Layout(
        "CoNLL-U, universal parts of speech", {"format": "conllu"}, (), TAGGING, {TAGGING: {"scheme": "plain"}}
    )


def _json_list(beginning: Beginning) -> Layout | None:
    """A list over several lines, or one whose items are objects: Label Studio's JSON-min where they have marks."""
    start = beginning.filled[0].lstrip()
    if not start.startswith("[") or _pairs(start) is not None:
        return None
    with open_file(beginning.file) as stream:
        content = open_text(stream, beginning.file, beginning.encoding).read(_JSON_CHARACTERS)
    try:
        items = json.loads(content)
    except ValueError:
        return None
    objects = [item for item in items if isinstance(item, dict)]
    if not objects:
        return None
    if all("annotations" in item and isinstance(item.get("data"), dict) for item in objects):
        return Layout(
            "Label Studio's JSON export", _studio_fields(objects[0]["data"], _controls(objects)), task=TAGGING
        )
    controls = sorted({key for item in objects for key, value in item.items() if _are_marks(value)})
    if controls:
        return Layout("Label Studio's JSON-min export", _studio_fields(objects[0], controls), task=TAGGING)
    return Layout("a JSON list of objects", {"format": "json"}, columns_of(beginning.file, "json", beginning.encoding))


def _controls(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the controls whose marks are in Label Studio's full export."""
    marks = [mark for item in items for annotation in item["annotations"] for mark in annotation.get("result", ())]
    return sorted({str(mark.get("from_name", "label")) for mark in marks if mark.get("type") == "labels"}) or ["label"]


def _studio_fields(first: Mapping[str, Any], controls: list[str]) -> dict[str, Any]:
    text = next((key for key, value in first.items() if isinstance(value, str) and " " in value), "text")
    fields: dict[str, Any] = {"format": "label_studio"}
    fields |= {} if text == "text" else {"text_column": text}
    return fields | ({} if controls == ["label"] else {"label_controls": controls})


def _are_marks(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(mark, dict) and "start" in mark for mark in value)


def _pairs_lines(beginning: Beginning) -> Layout | None:
    first = [_pairs(line) for line in beginning.filled[:20]]
    if any(pairs is None for pairs in first):
        return None
    tags = [str(tag) for pairs in first for _, tag in pairs or ()]
    return Layout("JSON Lines of words and tags", {"format": "jsonl"}, (), TAGGING, _scheme_of(tags))


def _pairs(line: str) -> list[Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    is_list = isinstance(found, list) and bool(found)
    return found if is_list and all(isinstance(pair, list) and len(pair) == 2 for pair in found) else None


def _objects(beginning: Beginning) -> Layout | None:
    found = []
    for line in beginning.filled[:100]:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        found += [value] if isinstance(value, dict) else []
    if len(found) < 0.5 * len(beginning.filled[:100]):
        return None
    if tagged := _tagged_objects(found):
        return tagged
    usable = dict.fromkeys(name for value in found for name in values_of(value)[0])
    return Layout("JSON Lines", {"format": "jsonl"}, tuple(usable)) if usable else None


def _tagged_objects(found: Sequence[Mapping[str, Any]]) -> Layout | None:
    """Words and tags in two lists, as Hugging Face's, or a text with marks at offsets, as doccano's and spaCy's."""
    words = [name for name in _WORD_FIELDS if all(_is_list_of(value.get(name), str) for value in found)]
    tags = [name for name in found[0] if name not in words and all(_is_list_of(v.get(name), str, int) for v in found)]
    if words and tags:
        named = [name for name in tags if name.endswith(("ner_tags", "tags", "labels"))] or tags
        given = [str(tag) for value in found for tag in value[named[0]]]
        fields: dict[str, Any] = {"format": "jsonl"} | ({} if len(tags) == 1 else {"tags_field": named[0]})
        return Layout("JSON Lines of words and tags", fields, (), TAGGING, _scheme_of(given))
    spans = [name for name in found[0] if any(_are_spans(value.get(name)) for value in found)]
    text = [name for name in ("text", "sentence", "content", "data") if isinstance(found[0].get(name), str)]
    if not spans or not text:
        return None
    fields = {"format": "jsonl"} | ({} if text[0] == "text" else {"text_column": text[0]})
    fields |= {} if spans[0] in _SPAN_FIELDS else {"spans_field": spans[0]}
    return Layout("JSON Lines of texts with marks at offsets", fields, task=TAGGING)


def _is_list_of(value: Any, *kinds: type) -> bool:
    return isinstance(value, list) and all(isinstance(each, kinds) for each in value)


def _are_spans(value: Any) -> bool:
    """Whether it is a list of marks: `[start, end, label]`, or objects with a start."""
    if _are_marks(value):
        return True
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(mark, list) and len(mark) == 3 and isinstance(mark[0], int) and isinstance(mark[1], int)
            for mark in value
        )
    )


def _conll(beginning: Beginning) -> Layout | None:
    """Columns with blank lines between sentences, or a file that is called so."""
    is_called_so = suffix_of(beginning.file) in (".conll", ".conll2003", ".bio", ".iob", ".iob2", ".bioes", ".ner")
    words = [line for line in beginning.filled if not line.startswith(("#", "-DOCSTART-"))]
    has_sentences = len(words) < len(beginning.lines[: _last_filled(beginning.lines)])
    if not words or not (is_called_so or has_sentences):
        return None
    rows = [line.split("\t") if "\t" in line else _SPACES.split(line.strip()) for line in words]
    width, count = Counter(map(len, rows)).most_common(1)[0]
    if width < 2 or count < 0.9 * len(rows):
        return None
    columns = list(zip(*(row for row in rows if len(row) == width), strict=True))
    word = 1 if width > 2 and all(map(_INDEX.fullmatch, columns[0])) else 0
    tagged = [place for place in range(width) if place != word and all(map(_TAG.fullmatch, columns[place]))]
    tag = tagged[-1] if tagged else width - 1
    if not is_called_so and len(set(columns[tag])) > max(60, len(columns[tag]) // 10):
        return None
    fields: dict[str, Any] = {"format": "conll"} | ({"word_column": word} if word else {})
    fields |= {} if tag == width - 1 else {"tag_column": tag}
    return Layout(f"CoNLL, {width} columns, a word a line", fields, (), TAGGING, _scheme_of(columns[tag]))


def _last_filled(lines: Sequence[str]) -> int:
    return max((number for number, line in enumerate(lines, start=1) if line.strip()), default=0)


def _scheme_of(tags: Sequence[str]) -> dict[str, Any]:
    """The section `tagging` for the scheme of some tags."""
    if not all(map(_TAG.fullmatch, tags)) or set(tags) == {"O"}:
        return {TAGGING: {"scheme": "plain"}}
    is_bioes = any(tag[0] in "ELSU" for tag in tags)
    return {TAGGING: {"scheme": "bioes" if is_bioes else "bio"}}


def _fasttext(beginning: Beginning) -> Layout | None:
    labelled = [line for line in beginning.filled if line.startswith("__label__")]
    if len(labelled) < 0.9 * len(beginning.filled):
        return None
    several = any(line.split()[1:2] and line.split()[1].startswith("__label__") for line in labelled)
    fields = {"format": "fasttext"} | ({"label_separator": " "} if several else {})
    return Layout("fastText, a label before each text", fields, task=CLASSIFICATION)


def _tagged_table(columns: Columns) -> Layout | None:
    """A word a row, with the number of its sentence, or Label Studio's export as CSV."""
    names = {name.strip().lower() for name in columns.header}
    end = "tsv" if columns.delimiter == "\t" else "csv"
    if names & _WORD_NAMES and names & _TAG_NAMES and any(name.startswith("sentence") for name in names):
        place = next(place for place, name in enumerate(columns.header) if name.strip().lower() in _TAG_NAMES)
        scheme = _scheme_of([row[place] for row in columns.rows])
        return Layout(f"a word a row of {end.upper()}", {"format": f"words_{end}"}, (), TAGGING, scheme)
    for place, name in enumerate(columns.header):
        if any(_are_marks(_json(row[place])) for row in columns.rows):
            fields: dict[str, Any] = {"format": f"label_studio_{end}"}
            fields |= {} if name == "label" else {"label_controls": [name]}
            return Layout(f"Label Studio's {end.upper()} export", fields, task=TAGGING)
    return None


def _json(text: str) -> Any:
    if not text.startswith("["):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _table(beginning: Beginning) -> Layout | None:
    columns = sniff(f"{line}\n" for line in beginning.lines)
    if columns is None:
        return _single_column(beginning)
    if tagged := _tagged_table(columns):
        return tagged
    format, title = _FORMATS.get(columns.delimiter, ("csv", "CSV"))
    fields: dict[str, Any] = {"format": format}
    if columns.delimiter not in _FORMATS:
        fields["delimiter"] = columns.delimiter
        title += f" with {_NAMED.get(columns.delimiter, columns.delimiter)} between the columns"
    names = columns.header
    if not has_header(columns):
        names = _invented_names(columns)
        fields["columns"] = names
        title += ", without a header line"
    return Layout(title, fields, tuple(names))


def _single_column(beginning: Beginning) -> Layout | None:
    name = beginning.filled[0].strip().strip('"')
    if suffix_of(beginning.file) not in (".csv", ".tsv") or len(name.split()) > 1:
        return None
    return Layout("one column", {"format": suffix_of(beginning.file).removeprefix(".")}, (name,))


def has_header(columns: Columns) -> bool:
    """Whether the first record names the columns: no value of a column with few values, no number, no long text."""
    names = [name.strip() for name in columns.header]
    if len(set(names)) < len(names) or sum(not name for name in names) > 1:
        return False
    if any(_NUMBER.fullmatch(name) or len(name.split()) > 4 for name in names):
        return False
    for place, name in enumerate(names):
        values = Counter(row[place] for row in columns.rows)
        if len(columns.rows) > 1 and values[columns.header[place]] > 0 and name:
            return False
    return True


def _invented_names(columns: Columns) -> list[str]:
    """Names of the columns of a file without a header: by what is in them, so that the choice finds them."""
    rows = [columns.header, *columns.rows]
    lengths = [sum(len(row[place].split()) for row in rows) for place in range(len(columns.header))]
    longest = lengths.index(max(lengths))
    few = [
        place
        for place in range(len(lengths))
        if place != longest and 2 <= len({row[place] for row in rows}) <= max(20, len(rows) // 20)
    ]
    names = [f"column_{place + 1}" for place in range(len(lengths))]
    names[longest] = "text"
    if few:
        names[few[0]] = "label"
    return names


def _plain_text(beginning: Beginning) -> Layout:
    return Layout("plain text, a text a line", {"format": "text"}, task=LANGUAGE_MODEL)


_RECOGNIZED: tuple[Callable[[Beginning], Layout | None], ...] = (
    _mediawiki,
    _conllu,
    _json_list,
    _pairs_lines,
    _objects,
    _fasttext,
    _conll,
    _table,
    _plain_text,
)
