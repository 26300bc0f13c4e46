"""A folder that is worked on here, wherever it is kept: of one on a remote file system there is a local copy.

Keras' weights, NumPy's arrays and memory maps are written and read by a path of this machine.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import tensorflow as tf

from ulmfit_tfx.schemas.remote_paths import is_remote
from ulmfit_tfx.trainer_modules.serving.folder_copy import copy_folder

_UNFINISHED = "unfinished"


def local_folder(folder: str | Path) -> Path:
    """A folder itself if it is local, else a new temporary one, which is removed when the process ends."""
    if not is_remote(folder):
        return Path(folder)
    temporary = tempfile.mkdtemp(prefix="ulmfit-tfx-")
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    return Path(temporary)


class MirroredFolder:
    """A folder of files and of subfolders, each of which is complete once it has a certain file.

    Of a local folder nothing is copied. A remote one is written so that a kill at any moment leaves files that are
    whole and subfolders whose completeness can be told.

    Attributes:
        local: Where to work: the folder itself if it is local.
    """

    def __init__(self, folder: str | Path, last: str):
        """Names the folder; nothing of it is read or made.

        Args:
            folder: Local, or on a file system that TensorFlow knows.
            last: Name of the file that makes a subfolder complete.
        """
        self.local = local_folder(folder)
        self._remote = str(folder).rstrip("/") if is_remote(folder) else None
        self._last = last
        self._uploaded: dict[str, tuple[int, int]] = {}

    def download(self) -> None:
        """Copies the remote folder here; subfolders that are incomplete are removed there."""
        if self._remote is None or not tf.io.gfile.isdir(self._remote):
            return
        self.local.mkdir(parents=True, exist_ok=True)
        for name in tf.io.gfile.listdir(self._remote):
            remote = f"{self._remote}/{name.rstrip('/')}"
            if not tf.io.gfile.isdir(remote):
                tf.io.gfile.copy(remote, str(self.local / name), overwrite=True)
            elif tf.io.gfile.exists(f"{remote}/{self._last}"):
                copy_folder(remote, str(self.local / name.rstrip("/")))
            else:
                tf.io.gfile.rmtree(remote)
        self._uploaded = self._files()

    def upload(self) -> None:
        """Brings the remote folder up to date: first what is new or changed, then subfolders that are gone here go."""
        if self._remote is None:
            return
        files = self._files()
        changed = [name for name, stamp in files.items() if self._uploaded.get(name) != stamp]
        for folder in {_UNFINISHED, *map(os.path.dirname, changed)}:
            tf.io.gfile.makedirs(f"{self._remote}/{folder}")
        for name in sorted(changed, key=lambda name: os.path.basename(name) == self._last):
            self._put(name)
        for gone in _subfolders(self._uploaded) - _subfolders(files):
            tf.io.gfile.rmtree(f"{self._remote}/{gone}")
        self._uploaded = files

    def remove(self) -> None:
        """Removes the folder with all that is in it, here and there: first what makes subfolders complete."""
        for folder in filter(None, (str(self.local), self._remote)):
            if not tf.io.gfile.isdir(folder):
                continue
            for name in tf.io.gfile.listdir(folder):
                last = f"{folder}/{name.rstrip('/')}/{self._last}"
                if tf.io.gfile.exists(last):
                    tf.io.gfile.remove(last)
            tf.io.gfile.rmtree(folder)
        self._uploaded = {}

    def _put(self, name: str) -> None:
        """Uploads a file, whole before it can be found: the subfolder that it passes through never is complete."""
        unfinished = f"{self._remote}/{_UNFINISHED}/file"
        tf.io.gfile.copy(str(self.local / name), unfinished, overwrite=True)
        tf.io.gfile.rename(unfinished, f"{self._remote}/{name}", overwrite=True)

    def _files(self) -> dict[str, tuple[int, int]]:
        """Size and time of change of each file here, by its path below the folder."""
        stats = {file: file.stat() for file in self.local.rglob("*") if file.is_file()}
        return {
            file.relative_to(self.local).as_posix(): (stat.st_size, stat.st_mtime_ns) for file, stat in stats.items()
        }


def _subfolders(names: dict[str, tuple[int, int]]) -> set[str]:
    return {name.partition("/")[0] for name in names if "/" in name}
