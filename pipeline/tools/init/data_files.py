"""Which files there are, and which of them are the train, the eval and the test split."""

import dataclasses
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ulmfit_tfx.components.corpus_ingest.archives import is_member
from ulmfit_tfx.components.corpus_ingest.recognition import files_and_members
from ulmfit_tfx.components.corpus_ingest.source_files import find_files, size_of
from ulmfit_tfx.schemas.config.sources import format_by_name
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.splitting import EVAL, TEST, TRAIN

_NO_DATA = {
    *(".md", ".rst", ".html", ".pdf", ".yaml", ".yml", ".py", ".ipynb", ".sh", ".toml", ".cfg", ".ini", ".log"),
    *(".png", ".jpg", ".jpeg", ".gif", ".svg", ".model", ".vocab", ".lock", ".bib"),
}
"""Suffixes of what lies beside data."""
_ABOUT_DATA = re.compile(
    r"readme|licen[cs]e|copying|notice|changelog|authors|citation|sources?|about|info|metadata|labels?|classes",
    re.IGNORECASE,
)
_WORDS_OF_SPLITS = {
    TRAIN: {"train", "training", "trn", "tr"},
    EVAL: {"dev", "devel", "development", "valid", "validation", "val", "eval", "evaluation"},
    TEST: {"test", "testing", "tst", "heldout", "te"},
}
_WORD = re.compile(r"[a-z]+")


@dataclasses.dataclass(frozen=True)
class DataFiles:
    """Files of one format.

    Attributes:
        paths: File, folder or glob of each split that has files of its own; of `train` in any case.
        files: The files of each of them, the train split's first.
        left_out: Files that were there and are none of the data.
    """

    paths: dict[str, str]
    files: dict[str, list[str]]
    left_out: tuple[str, ...] = ()

    @property
    def first(self) -> str:
        """The file that is looked at to tell the format."""
        return self.files[TRAIN][0]


def find_data(path: str) -> DataFiles:
    """Finds the data in a file or below a folder.

    Of a folder, or an archive, with files that are called `train`, `dev` and `test`, or lie in folders that are, these
    are the splits.
    What is called `README` or `labels`, or has a suffix such as `.md`, is no data; of several suffixes the one with
    most bytes is taken. Where a file is called `train`, those that are called none of these are left out.

    Args:
        path: A file, a folder or a glob.

    Raises:
        DataError: Nothing is there, or no data.
    """
    found = files_and_members(path)
    is_archive = len(found) > 1 and find_files(path) == [path]
    if not Path(path).is_dir() and not is_archive:
        return DataFiles({TRAIN: path}, {TRAIN: found})
    data = [file for file in found if not _is_beside_data(file)]
    if not data:
        raise DataError(f"{path}: holds no data, but {_named(found, path)}.")
    sizes: Counter[str] = Counter()
    for file in data:
        sizes[suffix_of(file)] += size_of(file)
    suffix, _ = sizes.most_common(1)[0]
    by_split = _by_split([file for file in data if suffix_of(file) == suffix], path)
    taken = {file for files in by_split.values() for file in files}
    left_out = tuple(file for file in found if file not in taken)
    if is_archive and len(by_split) == 1 and not left_out:
        return DataFiles({TRAIN: path}, by_split)
    paths = {split: _path_of(files, found, path) for split, files in by_split.items()}
    return DataFiles(paths, by_split, left_out)


def suffix_of(file: str) -> str:
    """The suffix that tells a file's format; none where it names a split.

    >>> suffix_of("a/rows.CSV.gz"), suffix_of("SMSSpamCollection"), suffix_of("stsa.binary.train")
    ('.csv', '', '')
    """
    suffix = format_by_name.suffix_of(file)
    return "" if any(suffix[1:] in words for words in _WORDS_OF_SPLITS.values()) else suffix


def _is_beside_data(file: str) -> bool:
    stem = Path(file).name.partition(".")[0]
    return suffix_of(file) in _NO_DATA or _ABOUT_DATA.fullmatch(stem) is not None


def _by_split(files: Sequence[str], folder: str) -> dict[str, list[str]]:
    """Files by split: all are the train split's where none is called so."""
    found: dict[str | None, list[str]] = {split: [] for split in (*_WORDS_OF_SPLITS, None)}
    for file in files:
        found[_split_named(os.path.relpath(file, folder))].append(file)
    unnamed = found.pop(None)
    found[TRAIN] = found[TRAIN] or unnamed
    if not found[TRAIN]:
        return {TRAIN: list(files)}
    return {str(split): named for split, named in found.items() if named}


def _split_named(relative: str) -> str | None:
    """The split that a path names, the nearest part of it first."""
    for part in reversed(Path(relative).parts):
        words = set(_WORD.findall(part.lower()))
        for split, names in _WORDS_OF_SPLITS.items():
            if words & names:
                return split
    return None


def _path_of(files: Sequence[str], found: Sequence[str], folder: str) -> str:
    """The shortest path that names these files, and no other.

    Raises:
        DataError: There is none.
    """
    if len(files) == 1:
        return files[0]
    parent = os.path.commonpath([os.path.dirname(file) for file in files])
    within = [file for file in found if os.path.commonpath([parent, file]) == parent]
    if len(within) == len(files) and not is_member(parent + "/"):
        return parent
    for glob in (f"*{_whole_suffix(files)}", f"**/*{_whole_suffix(files)}"):
        path = os.path.join(parent, glob)
        if set(find_files(path)) == set(files):
            return path
    raise DataError(
        f"{folder}: no path names {_named(files, folder)} and nothing else. Move the train files, the eval files and "
        "the test files into folders called train, dev and test."
    )


def _whole_suffix(files: Sequence[str]) -> str:
    """What all names end in, from a point on."""
    endings = {"".join(Path(file).suffixes[-2:]) for file in files}
    return endings.pop() if len(endings) == 1 else ""


def _named(files: Sequence[str], folder: str) -> str:
    names = [os.path.relpath(file, folder) for file in files[:3]]
    return ", ".join(names) + (f" and {len(files) - 3:,} more" if len(files) > 3 else "")
