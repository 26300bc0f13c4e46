"""Brings the files that an import reads from a remote file system to this machine: its readers map them into memory."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from tempfile import TemporaryDirectory

import tensorflow as tf

from ulmfit_tfx.schemas.config.pretrained import PretrainedConfig
from ulmfit_tfx.schemas.errors import DataError, UserError
from ulmfit_tfx.trainer_modules.optimization.mirrored_folder import is_local

_PATHS = ("checkpoint", "tokenizer", "source_tokenizer")


@contextlib.contextmanager
def fetched(config: PretrainedConfig) -> Iterator[PretrainedConfig]:
    """The configuration with copies of its remote files in their places, which live as long as the context.

    Errors of the context name the remote files.

    Raises:
        DataError: One is not there, or cannot be read.
    """
    remote = {field: path for field in _PATHS if (path := getattr(config, field)) and not is_local(path)}
    if not remote:
        yield config
        return
    with TemporaryDirectory(prefix="ulmfit-tfx-") as folder:
        local = {}
        for field, path in remote.items():
            os.mkdir(f"{folder}/{field}")
            local[field] = _fetch(path.rstrip("/"), f"{folder}/{field}")
        try:
            yield config.model_copy(update=local)
        except UserError as error:
            message = str(error)
            for field, path in remote.items():
                message = message.replace(local[field], path.rstrip("/"))
            raise type(error)(message) from None


def remote_fingerprint(path: str) -> str:
    """SHA-256 of the names, sizes and times of a remote checkpoint's files.

    Raises:
        DataError: Nothing is there, or it cannot be looked up.
    """
    digest = hashlib.sha256()
    with _named(path):
        for file in _files(path.rstrip("/")):
            found = tf.io.gfile.stat(file)
            digest.update(f"{file} {found.length} {found.mtime_nsec}\n".encode())
    return digest.hexdigest()


def _fetch(path: str, folder: str) -> str:
    """Copies a file, a folder, or the files that have the path as their prefix; returns what the path is then."""
    parent = os.path.dirname(path)
    with _named(path):
        for file in _files(path):
            target = f"{folder}/{file.removeprefix(parent).lstrip('/')}"
            os.makedirs(os.path.dirname(target), exist_ok=True)
            tf.io.gfile.copy(file, target)
    return f"{folder}/{os.path.basename(path)}"


def _files(path: str) -> list[str]:
    """Files of a checkpoint: the file itself, all of a folder, or those that begin with a prefix and a dot."""
    if tf.io.gfile.isdir(path):
        walked = tf.io.gfile.walk(path)
        files = [f"{folder.rstrip('/')}/{name}" for folder, _, names in walked for name in names if name]
    elif tf.io.gfile.exists(path) and not path.endswith(".index"):
        files = [path]
    else:
        files = tf.io.gfile.glob(f"{path.removesuffix('.index')}.*")
    if not files:
        raise DataError(f"{path}: no such file.")
    return sorted(files)


@contextlib.contextmanager
def _named(path: str) -> Iterator[None]:
    try:
        yield
    except tf.errors.OpError as error:
        raise DataError(f"{path}: cannot be read: {error.message.splitlines()[0]}.") from None
