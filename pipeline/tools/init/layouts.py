"""Recognizes the layout of a file: its format, and the fields that the configuration needs to read it.

One function a layout, in the order in which they are tried: the ones that leave no doubt come first.
"""

import contextlib
import dataclasses
import itertools
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ulmfit_tfx.components.corpus_ingest.file_kinds import PARQUET, XLSX, check_kind, kind_of
from ulmfit_tfx.components.corpus_ingest.recognition import json_formats
from ulmfit_tfx.components.corpus_ingest.source_files import open_file, readable
from ulmfit_tfx.pipeline.tools.init.data_files import suffix_of
from ulmfit_tfx.pipeline.tools.init.delimiters import Columns, sniff
from ulmfit_tfx.pipeline.tools.init.loose_objects import first_objects, names_of
from ulmfit_tfx.pipeline.tools.init.task_names import CLASSIFICATION, LANGUAGE_MODEL, TAGGING
from ulmfit_tfx.schemas.config.sources.format_by_name import named_format
from ulmfit_tfx.schemas.config.sources.table import container_of
from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.json_objects import read_values
from ulmfit_tfx.transforms.records.labelled_lines import LABELLED_LINES, labels_in, place_of_labels
from ulmfit_tfx.transforms.records.lines import open_text
from ulmfit_tfx.transforms.records.nested_fields import Found
from ulmfit_tfx.transforms.records.parquet import class_names, seekable
from ulmfit_tfx.transforms.records.record import Refusal
from ulmfit_tfx.transforms.records.word_rows import usual_columns

_LINES = 2_000
"""That the layout is told from."""
_LINE_CHARACTERS = 100_000
_SPACES = re.compile(r"\t| +")
_TAG = re.compile(r"O|[BIELSU]-.+")
_INDEX = re.compile(r"\d+")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_WORD_FIELDS = ("tokens", "words")
_SPAN_FIELDS = ("label", "labels", "entities", "spans", "annotations")
_LABELS_NAMED = 5
_VALUES = 100
"""Of a JSON text, that its layout is told from."""
_TITLES = {"parquet": "Parquet", "xlsx": "an Excel workbook"}
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
        remark: What could have been another layout, in a sentence.
    """

    title: str
    fields: Mapping[str, Any]
    columns: tuple[str, ...] = ()
    task: str | None = None
    sections: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    remark: str | None = None


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


def layout_of(file: str, encoding: str, task: str | None = None) -> Layout:
    """Recognizes a file's layout. What is none of the others is plain text.

    Args:
        file: Local or remote.
        encoding: Of the file.
        task: That it is wanted for, where this is known: lines are labelled for a language model's.

    Raises:
        DataError: The file is empty.
    """
    beginning = Beginning(file, _lines(file, encoding), encoding)
    if not beginning.filled:
        raise DataError(f"{file}: the file is empty.")
    recognized = [each for each in _RECOGNIZED if task != LANGUAGE_MODEL or each is not _labelled_lines]
    return next(layout for recognize in recognized if (layout := recognize(beginning)) is not None)


def binary_layout(file: str) -> Layout | None:
    """Recognizes a file that is no text; None of one that is.

    Its columns are looked up, for they stand nowhere in its first bytes.

    Raises:
        DataError: It is of a kind that is not read.
    """
    with open_file(file) as stream:
        kind = kind_of(stream)
        names = class_names(seekable(stream), file) if kind is PARQUET else {}
    if kind is PARQUET:
        return _of_objects("Parquet", "parquet", first_objects(file, "parquet"), names)
    if kind is XLSX:
        return _of_objects("an Excel workbook", "xlsx", first_objects(file, "xlsx"))
    check_kind(kind, file, text_source(path=file, format="text"))
    return None


def _of_objects(
    title: str, format: str, objects: list[Found], tag_names: Mapping[str, Sequence[str]] | None = None
) -> Layout:
    """The layout of objects: sentences with tags, words of such, or rows."""
    values = [json.loads(found.row) for found in objects]
    if values and format != "xlsx" and (tagged := _tagged_objects(title, format, values, tag_names or {})):
        return tagged
    columns = names_of(objects)
    if container_of(format) is not None and (tagged := _words(columns, values, format)):
        return tagged
    return Layout(title, {"format": format}, columns)


def _words(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], end: str) -> Layout | None:
    """A word a row, with the number of its sentence."""
    usual = usual_columns(columns)
    if usual is None:
        return None
    scheme = _scheme_of([str(row[usual.tag]) for row in rows if row.get(usual.tag) is not None])
    return Layout(f"a word a row of {_TITLES.get(end, end.upper())}", {"format": f"words_{end}"}, (), TAGGING, scheme)


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


def _json_text(beginning: Beginning) -> Layout | None:
    """A list, or what holds one: Label Studio's export where its items have marks as that writes them."""
    filled = beginning.filled
    if not filled[0].lstrip().startswith(("[", "{")):
        return None
    likeliest, *_ = json_formats("\n".join(beginning.lines), filled, beginning.file)
    if likeliest == "jsonl":
        return None
    try:
        values = _first_values(beginning)
    except DataError:
        return None
    objects = [value for value in values if isinstance(value, dict)]
    if likeliest == "label_studio" and (studio := _label_studio(objects)):
        return studio
    if not objects:
        return _pairs_of(values, "json")
    found = first_objects(beginning.file, "json", beginning.encoding)
    return _of_objects("a JSON list of objects", "json", found)


def _first_values(beginning: Beginning) -> list[Any]:
    source = text_source(path=beginning.file, format="json", encoding=beginning.encoding)
    with readable(beginning.file, source) as stream:
        read = (value for value in read_values(stream, beginning.file, source) if not isinstance(value, Refusal))
        values = []
        for _, value in itertools.islice(read, _VALUES):
            with contextlib.suppress(ValueError, RecursionError):
                values.append(json.loads(value))
    return values


def _label_studio(objects: Sequence[Mapping[str, Any]]) -> Layout | None:
    if objects and all("annotations" in item and isinstance(item.get("data"), dict) for item in objects):
        return Layout(
            "Label Studio's JSON export", _studio_fields(objects[0]["data"], _controls(objects)), task=TAGGING
        )
    controls = sorted({key for item in objects for key, value in item.items() if _are_marks(value)})
    if controls:
        return Layout("Label Studio's JSON-min export", _studio_fields(objects[0], controls), task=TAGGING)
    return None


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
    try:
        values = list(map(json.loads, beginning.filled[:20]))
    except (ValueError, RecursionError):
        return None
    return _pairs_of(values, "jsonl")


def _pairs_of(values: Sequence[Any], format: str) -> Layout | None:
    """Sentences of words with their tags, or of a text with its marks, as lists."""
    if not values or not all(isinstance(value, list) and value for value in values):
        return None
    title = "JSON Lines" if format == "jsonl" else "a JSON list"
    if all(len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict) for value in values):
        return Layout(f"{title} of texts with marks at offsets", {"format": format}, task=TAGGING)
    if not all(isinstance(pair, list) and len(pair) == 2 for value in values for pair in value):
        return None
    tags = [str(tag) for value in values for _, tag in value]
    return Layout(f"{title} of words and tags", {"format": format}, (), TAGGING, _scheme_of(tags))


def _objects(beginning: Beginning) -> Layout | None:
    if not beginning.filled[0].lstrip().startswith("{"):
        return None
    found = first_objects(beginning.file, "jsonl", beginning.encoding)
    if len(found) < 0.5 * len(beginning.filled[:100]):
        return None
    layout = _of_objects("JSON Lines", "jsonl", found)
    return layout if layout.columns or layout.task else None


def _tagged_objects(
    title: str, format: str, found: Sequence[Mapping[str, Any]], names: Mapping[str, Sequence[str]]
) -> Layout | None:
    """Words and tags in two lists, as Hugging Face's, or a text with marks at offsets, as doccano's and spaCy's."""
    words = [name for name in _WORD_FIELDS if all(_is_list_of(value.get(name), str) for value in found)]
    tags = [name for name in found[0] if name not in words and all(_is_list_of(v.get(name), str, int) for v in found)]
    if words and tags:
        named = [name for name in tags if name.endswith(("ner_tags", "tags", "labels"))] or tags
        # A file of Hugging Face's has pos_tags and chunk_tags beside ner_tags.
        field = next((name for name in named if name.endswith("ner_tags")), named[0])
        given = names.get(field) or [str(tag) for value in found for tag in value[field]]
        fields: dict[str, Any] = {"format": format} | ({} if len(tags) == 1 else {"tags_field": field})
        return Layout(f"{title} of words and tags", fields, (), TAGGING, _scheme_of(given))
    spans = [name for name in found[0] if any(_are_spans(value.get(name)) for value in found)]
    text = [name for name in ("text", "sentence", "content", "data") if isinstance(found[0].get(name), str)]
    if not spans or not text:
        return None
    fields = {"format": format} | ({} if text[0] == "text" else {"text_column": text[0]})
    fields |= {} if spans[0] in _SPAN_FIELDS else {"spans_field": spans[0]}
    return Layout(f"{title} of texts with marks at offsets", fields, task=TAGGING)


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
    is_called_so = named_format(beginning.file) == "conll"
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
    end = "tsv" if columns.delimiter == "\t" else "csv"
    rows = (dict(zip(columns.header, row, strict=True)) for row in columns.rows)
    if words := _words(columns.header, rows, end):
        return words
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


def _labelled_lines(beginning: Beginning) -> Layout | None:
    """A label and a text a line, without anything else that parts them than spaces."""
    place = place_of_labels(beginning.filled)
    if place is None:
        return None
    fields = {"format": LABELLED_LINES} | ({} if place == "first" else {"label_at": place})
    labels = ", ".join(labels_in(beginning.filled, place)[:_LABELS_NAMED])
    does = "begins" if place == "first" else "ends"
    remark = (
        f"each line {does} with one of a few words ({labels}), which are taken for labels: --task {LANGUAGE_MODEL} "
        "reads the lines as text"
    )
    return Layout(f"a text a line, its label {place}", fields, task=CLASSIFICATION, remark=remark)


def _plain_text(beginning: Beginning) -> Layout:
    return Layout("plain text, a text a line", {"format": "text"}, task=LANGUAGE_MODEL)


_RECOGNIZED: tuple[Callable[[Beginning], Layout | None], ...] = (
    _mediawiki,
    _conllu,
    _json_text,
    _pairs_lines,
    _objects,
    _fasttext,
    _conll,
    _table,
    _labelled_lines,
    _plain_text,
)
