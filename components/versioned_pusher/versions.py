"""A push as files: the version appears as a whole or not at all, and old ones go."""

import logging
import time
from collections.abc import Collection, Iterator

import tensorflow as tf

from ulmfit_tfx.components import models_config
from ulmfit_tfx.components.served_versions import (
    SAVED_MODEL,
    pinned_versions,
    version_in_service,
    version_numbers,
    versions,
)
from ulmfit_tfx.schemas.remote_paths import is_remote
from ulmfit_tfx.trainer_modules.serving.folder_copy import copy_folder

log = logging.getLogger(__name__)

_INCOMING = f"{models_config.FOLDER}/incoming"
"""Where a version is put together, on the file system of the others."""
_CHUNK = 1 << 20


def push(model: str, folder: str, keep: int) -> str:
    """Makes a model the version in service, unless it is already, or was until a rollback.

    Args:
        model: A SavedModel, local or remote.
        folder: Of the served model, local or remote. Two pushes into it at the same time are not provided for.
        keep: Versions that stay, the new one counted. Beside these stays what was in service before: a server goes
            over to the new version a little later.

    Returns:
        Name of the version that is this model.

    Raises:
        UserError: models.config is damaged.
    """
    before, pinned = version_in_service(folder), pinned_versions(folder)
    for version in [before, *_taken_back(folder, before, pinned)]:
        if version and same_files(model, f"{folder}/{version}"):
            _log_no_push(folder, version, before)
            return version
    version = next_version(folder)
    publish(model, folder, version)
    models_config.serve_newest(folder)
    if pinned:
        log.warning("%s: version %s is no longer pinned, the new version %s is in service", folder, before, version)
    remove_old(folder, keep, protected={version, before, *pinned})
    log.info("Pushed version %s to %s", version, folder)
    return version


def next_version(folder: str) -> str:
    """The time in seconds, or the number after the highest where that is as high: clocks are set back."""
    return str(max(int(time.time()), 1 + max(version_numbers(folder), default=0)))


def publish(model: str, folder: str, version: str) -> None:
    """Puts a version into a folder.

    On a local disk it appears with all its files at once. An object store knows no such step: there `saved_model.pb`
    is the last file to appear, and a server that looks before tries again later. Where it fails, nothing is left.

    Args:
        model: A SavedModel, local or remote.
        folder: Of the served model, local or remote.
        version: Its name, of which there must be none.
    """
    incoming, target = f"{folder}/{_INCOMING}", f"{folder}/{version}"
    _remove(incoming)  # of a push that was killed
    try:
        copy_folder(model, incoming)
        if is_remote(folder):
            _move_files(incoming, target)
        else:
            tf.io.gfile.rename(incoming, target)
    finally:
        _remove(incoming)


def remove_old(folder: str, keep: int, protected: Collection[str]) -> None:
    """Removes versions beyond the newest `keep`, but for the protected ones."""
    for version in versions(folder)[:-keep]:
        if version not in protected:
            tf.io.gfile.remove(f"{folder}/{version}/{SAVED_MODEL}")  # half removed, it is no version
            tf.io.gfile.rmtree(f"{folder}/{version}")
            log.info("Removed version %s of %s: the newest %d stay", version, folder, keep)


def same_files(one: str, other: str) -> bool:
    """Whether two folders hold the same files, byte for byte."""
    names = sorted(_files(one))
    return names == sorted(_files(other)) and all(_same_content(f"{one}/{name}", f"{other}/{name}") for name in names)


def _taken_back(folder: str, in_service: str, pinned: Collection[str]) -> list[str]:
    """Versions that a rollback put out of service: pushed again, one would undo it, though nothing is new."""
    if not pinned:
        return []
    return [version for version in versions(folder) if int(version) > int(in_service)]


def _log_no_push(folder: str, version: str, in_service: str) -> None:
    if version == in_service:
        log.info("%s: nothing is pushed, version %s in service is the same model", folder, version)
    else:
        log.warning(
            "%s: nothing is pushed. The model is version %s, which was taken out of service by a rollback to %s. "
            "`ulmfit-tfx rollback %s --release` puts the newest version in service",
            *(folder, version, in_service, folder),
        )


def _move_files(source: str, target: str) -> None:
    try:
        for name in sorted(_files(source), key=lambda name: name == SAVED_MODEL):
            tf.io.gfile.makedirs(f"{target}/{name}".rpartition("/")[0])
            tf.io.gfile.rename(f"{source}/{name}", f"{target}/{name}")
    except BaseException:
        _remove(target)
        raise


def _remove(folder: str) -> None:
    if tf.io.gfile.isdir(folder):
        tf.io.gfile.rmtree(folder)


def _files(folder: str) -> Iterator[str]:
    """Files below a folder, relative to it."""
    for parent, _, names in tf.io.gfile.walk(folder):
        for name in names:
            yield f"{parent.rstrip('/')}/{name}"[len(folder.rstrip("/")) + 1 :]


def _same_content(one: str, other: str) -> bool:
    if tf.io.gfile.stat(one).length != tf.io.gfile.stat(other).length:
        return False
    with tf.io.gfile.GFile(one, "rb") as first, tf.io.gfile.GFile(other, "rb") as second:
        while chunk := first.read(_CHUNK):
            if chunk != second.read(_CHUNK):
                return False
    return True
