"""Files and folders as `clean` sees them: links are never followed, and what is removed vanishes at once."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_ASIDE = ".removed-"
"""Before the name of a folder that is being removed: no version, no checkpoint and no artifact is looked for there."""


def subfolders(folder: Path) -> Iterator[Path]:
    """Folders in a folder, those set aside too, but for links; none where the folder is one or is not there."""
    if folder.is_symlink() or not folder.is_dir():
        return
    yield from sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())


def files(folder: Path, pattern: str) -> Iterator[Path]:
    """Files in a folder that fit a pattern, but for links; none where the folder is one or is not there."""
    if folder.is_symlink() or not folder.is_dir():
        return
    yield from sorted(path for path in folder.glob(pattern) if path.is_file() and not path.is_symlink())


def size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    return sum(stat.st_size for stat in _stats(path))


def last_written(path: Path) -> float:
    """When a file, or the newest thing in a folder, was written, in seconds since 1970."""
    return max((stat.st_mtime for stat in _stats(path)), default=path.lstat().st_mtime)


def is_set_aside(path: Path) -> bool:
    """Whether its removal has begun."""
    return path.name.startswith(_ASIDE)


def original_name(path: Path) -> str:
    """The name before it was set aside.

    >>> original_name(Path("checkpoints/.removed-1f")), original_name(Path("checkpoints/1f"))
    ('1f', '1f')
    """
    return path.name.removeprefix(_ASIDE)


def remove(path: Path) -> None:
    """Removes a file or a folder. A kill leaves of a folder either all, or what `is_set_aside` tells.

    Raises:
        OSError: It cannot be removed.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    if not is_set_aside(path):
        aside = path.with_name(_ASIDE + path.name)
        if aside.exists():
            shutil.rmtree(aside)
        path = path.rename(aside)
    shutil.rmtree(path)


def _stats(path: Path) -> Iterator[os.stat_result]:
    """Of a file, or of all files below a folder, but for what vanishes meanwhile."""
    found = (os.path.join(parent, name) for parent, _, names in os.walk(path) for name in names)
    for file in found if path.is_dir() else (path,):
        with contextlib.suppress(FileNotFoundError):
            yield os.lstat(file)
