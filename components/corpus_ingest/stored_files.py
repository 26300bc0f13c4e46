"""Opens and measures files as they are stored, local or on any of Beam's filesystems."""

import io
import os

from ulmfit_tfx.components import remote_files
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.remote_paths import is_remote


def open_stored(path: str) -> io.BufferedReader:
    """Opens a file for reading its bytes as they stand, anywhere in it."""
    return remote_files.open_remote(path) if is_remote(path) else open(path, "rb")


def stored_size(path: str) -> int:
    """Bytes of a file.

    Raises:
        DataError: It is not there any more.
    """
    if is_remote(path):
        return remote_files.size(path)
    try:
        return os.path.getsize(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error}.") from None


def stored_version(path: str) -> tuple[int, int]:
    """What tells a file from one that took its place: its size, and where it is local its time."""
    return stored_size(path), 0 if is_remote(path) else os.stat(path).st_mtime_ns
