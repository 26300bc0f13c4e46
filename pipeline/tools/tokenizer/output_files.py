"""Writes what appears complete or not at all."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import TextIO

from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.transforms.tokenizer_layout import CONFIG_FILE


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[TextIO]:
    """A text file, UTF-8, that stands at `path` once the block has ended well. Until then it is `PATH.unfinished`.

    A device or a pipe is written as it is.

    Raises:
        ConfigError: It cannot be written.
    """
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder, expected a file to write.")
    is_device = path.exists() and not path.is_file()
    unfinished = path if is_device else path.with_name(f"{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = unfinished.open("w", encoding="utf-8", newline="\n")
    except OSError as error:
        raise _not_written(path, error) from None
    try:
        with file:
            yield file
        if not is_device:
            unfinished.replace(path)
    finally:
        if not is_device:
            unfinished.unlink(missing_ok=True)


class TokenizerFolder:
    """A folder to write a tokenizer into. It appears when all files are there."""

    def __init__(self, path: Path, overwrite: bool):
        """Finds out whether the folder can be written, before there is anything to write.

        Raises:
            ConfigError: It cannot, or it is taken.
        """
        self.path = path.resolve()
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            if not (path / CONFIG_FILE).is_file():
                raise ConfigError(f"{path}: exists and is no tokenizer, expected a new folder.")
            if not overwrite:
                raise ConfigError(f"{path}: holds a tokenizer already. Pass --overwrite to replace it.")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._unfinished = Path(mkdtemp(prefix=f".{self.path.name}-", dir=self.path.parent))
        except OSError as error:
            raise _not_written(path, error) from None

    def __enter__(self) -> "TokenizerFolder":
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._unfinished, ignore_errors=True)

    def write(self, files: Mapping[str, bytes]) -> None:
        """Writes all files. Those of a tokenizer that is replaced go once the new ones stand.

        Raises:
            ConfigError: They cannot be written.
        """
        try:
            for name, content in files.items():
                (self._unfinished / name).write_bytes(content)
            self._unfinished.chmod(0o755)
            if not self.path.exists() or not any(self.path.iterdir()):
                self._unfinished.rename(self.path)
                return
            replaced = self._unfinished.with_name(f"{self._unfinished.name}-replaced")
            self.path.rename(replaced)
            self._unfinished.rename(self.path)
            shutil.rmtree(replaced)
        except OSError as error:
            raise _not_written(self.path, error) from None


def _not_written(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{path}: cannot be written: {error.strerror}.")
