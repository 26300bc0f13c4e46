"""Keeps runs and cleanings of the same folder apart. Several runs at a time are let be, as they are by TFX."""

import contextlib
import errno
import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from ulmfit_tfx.schemas.errors import UserError

_FILE = ".lock"
"""In the folder of the runs. It says nothing by being there: the lock goes with the process that holds it."""
_TAKEN = (errno.EWOULDBLOCK, errno.EACCES)


@contextlib.contextmanager
def locked_for_run(root: Path, waits: Callable[[], None], shares: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds off cleanings. On a file system without locks it does not.

    Args:
        root: Folder of the runs, which is there.
        waits: Called where a cleaning is under way, which is waited for.
        shares: Called where another run is under way.
    """
    with (root / _FILE).open("a") as file:
        is_alone = _is_free(file)
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if not is_alone:
                shares()
        except OSError as error:
            if error.errno in _TAKEN:
                waits()
                fcntl.flock(file, fcntl.LOCK_SH)
        yield


def _is_free(file: IO[str]) -> bool:
    """Whether nobody else holds a file's lock, as far as that can be told. The lock is let go again."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(file, fcntl.LOCK_UN)
    except OSError as error:
        return error.errno not in _TAKEN
    return True


@contextlib.contextmanager
def locked_for_cleaning(root: Path) -> Iterator[None]:
    """Holds off runs and other cleanings.

    Args:
        root: Folder of the runs, or of a served model.

    Raises:
        UserError: One is under way, or the folder cannot be written.
    """
    try:
        file = (root / _FILE).open("a")
    except OSError as error:
        raise UserError(f"{root}: cannot be written: {error.strerror}.") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _TAKEN:
                raise UserError(
                    f"{root}: a run, or another cleaning, is under way there. Clean when it has ended."
                ) from None
            raise UserError(
                f"{root}: cannot be locked: {error.strerror}. Without a lock, a run that begins now could lose files."
            ) from None
        yield
