"""Recognizes the layout of a file: its format, and the fields that the configuration needs to read it.

One function a layout, in the order in which they are tried: the ones that leave no doubt come first.
"""

import dataclasses
import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ulmfit_tfx.components.corpus_ingest.source_files import open_file
from ulmfit_tfx.pipeline.tools.init.data_files import suffix_of
from ulmfit_tfx.pipeline.tools.init.delimiters import Columns, sniff
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


def _lines(file: str, encoding: str) -> list[str]:
    with open_file(file) as stream:
        text = open_text(stream, file, encoding)
        lines = iter(lambda: text.readline(_LINE_CHARACTERS), "")
        return [line.removeprefix("\ufeff").removesuffix("\n") for line in itertools.islice(lines, _LINES)]


def _mediawiki(beginning: Beginning) -> Layout | None:
    if not any(line.lstrip().startswith("<mediawiki") for line in beginning.filled[:5]):
        return None
    return Layout("the XML dump of a wiki", {"format": "mediawiki"}, task="language_model")


def _conllu(beginning: Beginning) -> Layout | None:
    words = [line.split("\t") for line in beginning.filled if not line.startswith("#")]
    if not words or not all(len(word) == 10 and word[0][:1].isdigit() for word in words[:200]):
        return None
    return Layout(
        "CoNLL-U, universal parts of speech", {"format": "conllu"}, (), "tagging", {"tagging": {"scheme": "plain"}}
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
    controls = sorted({key for item in objects for key, value in item.items() if _are_marks(value)})
    if not controls:
        return None
    text = next((key for key, value in objects[0].items() if isinstance(value, str) and " " in value), "text")
    fields: dict[str, Any] = {"format": "label_studio"}
    fields |= {} if text == "text" else {"text_column": text}
    fields |= {} if controls == ["label"] else {"label_controls": controls}
    return Layout("Label Studio's JSON-min export", fields, task="tagging")


def _are_marks(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(mark, dict) and "start" in mark for mark in value)


def _pairs_lines(beginning: Beginning) -> Layout | None:
    first = [_pairs(line) for line in beginning.filled[:20]]
    if any(pairs is None for pairs in first):
        return None
    tags = [str(tag) for pairs in first for _, tag in pairs or ()]
    return Layout("JSON Lines of words and tags", {"format": "jsonl"}, (), "tagging", _scheme_of(tags))


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
    names = dict.fromkeys(name for value in found for name in value)
    usable = [name for name in names if all(_is_value(value.get(name)) for value in found)]
    return Layout("JSON Lines", {"format": "jsonl"}, tuple(usable)) if usable else None


def _is_value(value: Any) -> bool:
    """Whether it is a single value, or a list of them."""
    return not isinstance(value, dict) and not (
        isinstance(value, list) and any(isinstance(each, dict | list) for each in value)
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
    return Layout(f"CoNLL, {width} columns, a word a line", fields, (), "tagging", _scheme_of(columns[tag]))


def _last_filled(lines: Sequence[str]) -> int:
    return max((number for number, line in enumerate(lines, start=1) if line.strip()), default=0)


def _scheme_of(tags: Sequence[str]) -> dict[str, Any]:
    """The section `tagging` for the scheme of some tags."""
    if not all(map(_TAG.fullmatch, tags)) or set(tags) == {"O"}:
        return {"tagging": {"scheme": "plain"}}
    is_bioes = any(tag[0] in "ELSU" for tag in tags)
    return {"tagging": {"scheme": "bioes" if is_bioes else "bio"}}


def _table(beginning: Beginning) -> Layout | None:
    columns = sniff(f"{line}\n" for line in beginning.lines)
    if columns is None:
        return _single_column(beginning)
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
    return Layout("plain text, a text a line", {"format": "text"}, task="language_model")


_RECOGNIZED: tuple[Callable[[Beginning], Layout | None], ...] = (
    _mediawiki,
    _conllu,
    _json_list,
    _pairs_lines,
    _objects,
    _conll,
    _table,
    _plain_text,
)
