"""Finds out in which format files are, by their bytes, their first lines and their suffixes."""

import contextlib
import io
import itertools
import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ulmfit_tfx.components.corpus_ingest import archives
from ulmfit_tfx.components.corpus_ingest.file_kinds import ZIP, kind_of
from ulmfit_tfx.components.corpus_ingest.source_files import find_files, open_file
from ulmfit_tfx.schemas.config.sources.format_by_name import named_format, suffix_of
from ulmfit_tfx.schemas.config.sources.table import container_of
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.section import listed
from ulmfit_tfx.transforms.records import parquet, workbooks
from ulmfit_tfx.transforms.records.class_folders import CLASS_FOLDERS
from ulmfit_tfx.transforms.records.fasttext import PREFIX
from ulmfit_tfx.transforms.records.json_values import read_values
from ulmfit_tfx.transforms.records.labelled_lines import LABELLED_LINES, how_to_read

_FILES_LOOKED_AT = 20
_START = 1 << 16
_BY_CONTENT = ("text", "json", "parquet", "xlsx", "mediawiki")
"""Formats that a suffix does not tell: the first bytes do."""
_TABLES = ("csv", "tsv")
_LABEL_STUDIO = re.compile(r"\bannotation_id\b")
_WORDS = re.compile(r"(?=.*\bsent(ence)?)(?=.*\b(word|token)s?\b)", re.IGNORECASE)
_CONLLU = re.compile(r"\d+(-\d+|\.\d+)?(\t[^\t]*){9}")
_CONLL = re.compile(r"\S+(\t[^\t]+|[ ]+\S+)+")
_JSON = re.compile(r'\s*(\[\s*[\[{\]]|\{\s*["}])')
_MEDIAWIKI = re.compile(r"\s*(<\?xml[^>]*>\s*)?<mediawiki")
_LONGEST_NAME = 40
_ITEMS = 20
"""Of a JSON text that are looked at."""
_WORDS_FIELDS = ("tokens", "words")
_MOST = 0.8
_WORDS_IN_LINE = 8
"""Columns that a line of words has at most: a line with more is a sentence."""


def format_of(path: str, formats: Sequence[str], encoding: str = "utf-8") -> str:
    """The format of the files that a path names.

    Args:
        path: See `find_files`.
        formats: Those that may be read.
        encoding: Of texts, where they have no byte order mark.

    Raises:
        DataError: Nothing is there, it is in several formats, or in none of these.
    """
    files = files_and_members(path)
    if CLASS_FOLDERS in formats and _are_class_folders(files):
        return CLASS_FOLDERS
    found: dict[str, str] = {}
    for file in files[:_FILES_LOOKED_AT]:
        found.setdefault(_format_of_file(file, formats, encoding), file)
    if len(found) > 1:
        places = ", ".join(f"{file} is {name}" for name, file in found.items())
        raise DataError(f"{path}: the files are in several formats: {places}. Name those of one by a pattern.")
    return next(iter(found))


def files_and_members(path: str) -> list[str]:
    """Files that a path names, and the members of archives in their place.

    Raises:
        DataError: Nothing is there, or an archive cannot be read.
    """
    files: list[str] = []
    for file in find_files(path):
        if not file.lower().endswith(".zip") or archives.is_member(file):
            files.append(file)
            continue
        with open_file(file) as stream:
            is_archive = kind_of(stream) is ZIP
        files += archives.members_of(file) if is_archive else [file]
    return files


def _are_class_folders(files: Sequence[str]) -> bool:
    """Whether most of the files are texts in two or more folders."""
    texts = [file for file in files if named_format(file) in (None, "text")]
    folders = {os.path.dirname(file) for file in texts}
    return len(folders) > 1 and len(texts) > len(files) / 2 and len(texts) > 2


def _format_of_file(file: str, formats: Sequence[str], encoding: str) -> str:
    try:
        with open_file(file) as stream:
            kind = kind_of(stream)
            start = stream.read(_START) if kind is None else b""
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error}.") from None
    contained = [name for name in formats if kind is not None and kind.format and container_of(name) == kind.format]
    if kind is not None and not contained and "text" not in formats:
        raise DataError(f"{file}: is {kind.name}, not text. {kind.advice[0].upper()}{kind.advice[1:]}")
    if len(contained) == 1:
        return contained[0]
    guesses = _of_objects(file, str(container_of(contained[0]))) if contained else _guesses(start, file, encoding)
    found = next((name for name in guesses if name in formats), None)
    if found is None:
        looks = f"looks like {guesses[0]}" if guesses else "is in no format that can be told"
        labelled = how_to_read(_lines(start, encoding)) if LABELLED_LINES in formats else ""
        raise DataError(
            f"{file}: {looks}, and no format is set, which may be {listed(tuple(formats))}. "
            f"{labelled or 'Set the one that it has.'}"
        )
    return found


def _of_objects(file: str, container: str) -> list[str]:
    """Formats of a Parquet file or a workbook, the likeliest first: rows with lists hold sentences."""
    try:
        with open_file(file) as stream:
            of_container = parquet.read_rows(stream, file, None) if container == "parquet" else None
            first = next(iter(of_container or workbooks.read_rows(stream, file)), None)
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error}.") from None
    fields = first.fields if first is not None else ()
    of_table = _of_table("\t".join(name for name, _ in fields), container)
    return of_table if any(isinstance(value, list) for _, value in fields) else of_table[::-1]


def _guesses(start: bytes, file: str, encoding: str) -> list[str]:
    """Formats that a text may be in, the likeliest first."""
    text, lines, suffix = _decoded(start, encoding), _lines(start, encoding), suffix_of(file)
    guesses: list[str] = []
    if _MEDIAWIKI.match(text):
        guesses.append("mediawiki")
    if _JSON.match(text) and suffix not in (".csv", ".tsv"):
        guesses += json_formats(text, lines, file)
    if lines and sum(line.startswith(PREFIX) for line in lines) > len(lines) / 2:
        guesses.append("fasttext")
    if (by_suffix := named_format(file)) is not None and by_suffix not in _BY_CONTENT:
        guesses += _of_table(lines[0], by_suffix) if lines and by_suffix in _TABLES else [by_suffix]
    if any(map(_CONLLU.fullmatch, lines)):
        guesses.append("conllu")
    # What is less than sure comes after plain text, where this may be read: a poem has lines of few words too.
    guesses.append("text")
    if _looks_like_conll(text, lines):
        guesses.append("conll")
    if _looks_like_table(lines, "\t"):
        guesses += _of_table(lines[0], "tsv")
    if _looks_like_table(lines, ",") or _looks_like_table(lines, ";"):
        guesses += _of_table(lines[0], "csv")
    return guesses


def _lines(start: bytes, encoding: str) -> list[str]:
    """The lines of a file's beginning, without blank ones and one that is cut."""
    lines = _decoded(start, encoding).splitlines()
    if len(start) == _START:
        lines = lines[:-1] or lines
    return [line for line in lines if line.strip()]


def _of_table(header: str, way: str) -> list[str]:
    """Formats of delimited text, those of taggers by the names of their columns."""
    if _LABEL_STUDIO.search(header):
        return [way, f"label_studio_{way}"]
    return [way, f"words_{way}" if _WORDS.match(header) else f"spans_{way}"]


def _decoded(start: bytes, encoding: str) -> str:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    return start.decode(encoding, "replace").removeprefix("\ufeff")


def json_formats(text: str, lines: Sequence[str], file: str) -> list[str]:
    """Formats of a file that begins as JSON, the likeliest first.

    They are JSON Lines where the first line is a whole value, and no list of objects or of sentences; else those of one
    JSON text.

    Args:
        text: Of the file, or its beginning.
        lines: Of that, without blank ones.
        file: Its path.
    """
    try:
        first = json.loads(lines[0])
    except ValueError:
        return _of_one_json(text, file)
    is_list_of_rows = isinstance(first, list) and (not first or isinstance(first[0], dict) or _are_sentences(first))
    return _of_one_json(text, file) if is_list_of_rows else ["jsonl", "json"]


def _are_sentences(items: Sequence[Any]) -> bool:
    """Whether they are no pairs of words and tags, but sentences of such pairs, or spaCy's of a text and its marks."""
    first = items[0]
    is_pair = isinstance(first, list) and len(first) == 2 and isinstance(first[0], str)
    return isinstance(first, list) and bool(first) and (not is_pair or isinstance(first[1], dict))


def _of_one_json(text: str, file: str) -> list[str]:
    """Of a JSON text, with Label Studio's first where its first items are not sentences of another kind."""
    items: list[Any] = []
    with contextlib.suppress(DataError, ValueError, RecursionError):  # the text is cut
        for _, item in itertools.islice(read_values(io.StringIO(text), file, len(text)), _ITEMS):
            items.append(json.loads(item or ""))
    is_other = any(not isinstance(item, dict) or _is_sentence(item) for item in items)
    return ["json", "label_studio"] if is_other else ["label_studio", "json"]


def _is_sentence(item: Mapping[str, Any]) -> bool:
    """Whether an object has words, or marks that are none of Label Studio's."""
    if any(isinstance(item.get(name), list) for name in _WORDS_FIELDS) or "entities" in item or "spans" in item:
        return True
    marks = [mark for value in item.values() if isinstance(value, list) for mark in value]
    return any(isinstance(mark, list) or (isinstance(mark, dict) and "label" in mark) for mark in marks)


def _looks_like_conll(text: str, lines: Sequence[str]) -> bool:
    """Whether lines are a word and its columns, few enough, with blank lines between sentences."""
    words = [line for line in lines if not line.startswith("#")]
    has_sentences = re.search(r"\S[^\S\n]*\r?\n[^\S\n]*\r?\n", text) is not None
    return (
        has_sentences
        and bool(words)
        and all(_CONLL.fullmatch(line.rstrip()) and len(line.split()) <= _WORDS_IN_LINE for line in words)
    )


def _looks_like_table(lines: Sequence[str], sign: str) -> bool:
    """Whether a sign stands in most lines, and parts what may be names of columns in the first one.

    A tab is hardly ever a part of a text, so that the names do not matter there.
    """
    if sum(sign in line for line in lines) < max(_MOST * len(lines), 1):
        return False
    has_names = all(len(name) <= _LONGEST_NAME for name in lines[0].split(sign)) and lines[0][-1] not in ".!?"
    return sign == "\t" or (has_names and sign in lines[0] and len(lines) > 1)
