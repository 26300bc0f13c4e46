"""Tells paths of remote file systems from those of this machine."""

from pathlib import Path

from ulmfit_tfx.schemas.errors import ConfigError


def is_remote(path: str | Path) -> bool:
    """Whether a path is one of a remote file system, such as `gs://bucket/folder`."""
    return "://" in str(path)


def local_path(path: str | Path, what: str) -> Path:
    """A path of this machine.

    Args:
        path: As it was given.
        what: Names it in the error, such as `--output`.

    Raises:
        ConfigError: It is remote.
    """
    if is_remote(path):
        raise ConfigError(f"{what} is {path}, expected a path of this machine.")
    return Path(path)
