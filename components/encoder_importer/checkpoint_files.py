"""The files that an import reads: which there are, a digest of them, and copies of remote ones.

Readers map files into memory, so remote ones are brought to this machine first. For local ones nothing heavy is
imported.
"""

import contextlib
import glob
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from ulmfit_tfx.components import remote_files
from ulmfit_tfx.schemas.config.pretrained import CheckpointConfig
from ulmfit_tfx.schemas.errors import ConfigError, DataError, UserError
from ulmfit_tfx.schemas.remote_paths import is_remote

_Config = TypeVar("_Config", bound=CheckpointConfig)
_CHUNK = 1 << 20


def check_paths(config: CheckpointConfig) -> None:
    """Finds wrong paths, before there is anything else to wait for.

    Raises:
        ConfigError: Nothing is there.
        DataError: A remote file system cannot be asked.
    """
    for path in _paths(config).values():
        if not (_remote_files(path) if is_remote(path) else _local_files(path)):
            raise ConfigError(f"{path}: no such file.")


@contextlib.contextmanager
def fetched(config: _Config) -> Iterator[_Config]:
    """The configuration with copies of its remote files in their places, which live as long as the context.

    Errors of the context name the remote files.

    Raises:
        DataError: One is not there, or cannot be read.
    """
    remote = {field: path.rstrip("/") for field, path in _paths(config).items() if is_remote(path)}
    if not remote:
        yield config
        return
    with TemporaryDirectory(prefix="ulmfit-tfx-") as folder:
        local = {field: _fetch(path, f"{folder}/{field}") for field, path in remote.items()}
        try:
            yield config.model_copy(update=local)
        except UserError as error:
            message = str(error)
            for field, path in remote.items():
                message = message.replace(local[field], path)
            raise type(error)(message) from None


def input_fingerprint(config: CheckpointConfig) -> str:
    """SHA-256 of all files that an import reads; of sizes and times where they are remote.

    Raises:
        DataError: One is not there.
    """
    fingerprints = map(fingerprint, _paths(config).values())
    return hashlib.sha256(" ".join(fingerprints).encode()).hexdigest()


def fingerprint(path: str) -> str:
    """SHA-256 of a checkpoint's files: of a file's own content, of several files' names and contents.

    Of remote files it is that of their names, sizes and times.

    Raises:
        DataError: Nothing is there.
    """
    if is_remote(path):
        return remote_files.fingerprint(_remote_files(path) or _nothing(path))
    files = _local_files(path) or _nothing(path)
    digest = hashlib.sha256()
    for file in files:
        if len(files) > 1:
            digest.update(str(file.relative_to(Path(path).parent)).encode())
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def _paths(config: CheckpointConfig) -> dict[str, str]:
    fields = ("checkpoint", "tokenizer", "source_tokenizer")
    return {field: path for field in fields if (path := getattr(config, field))}


def _nothing(path: str) -> list[Any]:
    raise DataError(f"{path}: no such file.")


def _local_files(path: str) -> list[Path]:
    """The file itself, all files of a folder, or those that begin with a prefix and a dot: a checkpoint's data too."""
    root = Path(path.removesuffix(".index"))
    if root.is_file():
        return [root]
    if root.is_dir():
        return sorted(file for file in root.rglob("*") if file.is_file())
    return sorted(root.parent.glob(f"{glob.escape(root.name)}.*"))


def _remote_files(path: str) -> list[Any]:
    """The same of a remote path, as Beam's metadata."""
    root = path.rstrip("/").removesuffix(".index")
    for pattern in (root, f"{root}/**", f"{root}.*"):
        if found := remote_files.match(pattern):
            return sorted(found, key=lambda metadata: metadata.path)
    return []


def _fetch(path: str, folder: str) -> str:
    """Copies a checkpoint's files into a new folder; returns what the path is then."""
    parent = os.path.dirname(path)
    for metadata in _remote_files(path) or _nothing(path):
        target = f"{folder}/{metadata.path.removeprefix(parent).lstrip('/')}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        try:
            with remote_files.open_remote(metadata.path) as source, open(target, "wb") as file:
                shutil.copyfileobj(source, file)
        except OSError as error:
            raise DataError(f"{metadata.path}: cannot be read: {error}.") from None
    return f"{folder}/{os.path.basename(path)}"
