"""Sends everything that is noise on a terminal to a log file."""

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def silence_native_logs() -> None:
    """Asks TensorFlow's C++ side for errors only. Has to come before TensorFlow is imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")


@contextlib.contextmanager
def log_to(path: Path, verbose: bool = False) -> Iterator[None]:
    """Writes Python's logging and warnings, and all that goes to standard error, to a file.

    C++ libraries write to file descriptor 2 past Python, so it is the descriptor that is redirected. Standard output,
    where people read, stays as it is.

    Args:
        path: The log file.
        verbose: Leave standard error on the terminal, and log there too.
    """
    root = logging.getLogger()
    before = root.handlers[:], root.level
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter(_FORMAT))
    handlers: list[logging.Handler] = [handler]
    if verbose:
        handlers.append(logging.StreamHandler())
    root.handlers[:] = handlers
    root.setLevel(logging.INFO)
    shown_by = warnings.showwarning
    logging.captureWarnings(True)
    is_ours = warnings.showwarning is not shown_by  # else who called had warnings logged already
    try:
        with contextlib.nullcontext() if verbose else _standard_error_to(path):
            yield
    finally:
        if is_ours:
            logging.captureWarnings(False)
        root.handlers[:] = before[0]
        root.setLevel(before[1])
        handler.close()


@contextlib.contextmanager
def _standard_error_to(path: Path) -> Iterator[None]:
    sys.stderr.flush()
    terminal = os.dup(2)
    stderr = sys.stderr
    with open(path, "ab") as file:
        os.dup2(file.fileno(), 2)
    # Around the descriptor, and never closed: a library that keeps it writes to standard error after the block. In a
    # notebook sys.stderr is no descriptor, and has to be replaced too.
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    try:
        yield
    finally:
        sys.stderr.flush()
        sys.stderr = stderr
        os.dup2(terminal, 2)
        os.close(terminal)


def silence_tensorflow() -> None:
    """Keeps what TensorFlow writes to standard error while it is imported, if it is: no variable keeps 2.21 from that.

    Where the import fails, what was written comes out.
    """
    silence_native_logs()
    if "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _QuietImport("tensorflow"))


class _QuietImport(importlib.abc.MetaPathFinder):
    """Finds one package, once, and holds standard error while it is loaded."""

    def __init__(self, package: str):
        self._package = package

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._package:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = self._quietly(spec.loader.exec_module)  # type: ignore[method-assign, assignment]
        return spec

    @staticmethod
    def _quietly(execute: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
        def executed(module: ModuleType) -> None:
            with _standard_error_held():
                execute(module)

        return executed


def silence_libraries() -> None:
    """For commands without a log file: neither native logs nor libraries' deprecation warnings."""
    warnings.simplefilter("ignore")
    silence_tensorflow()


@contextlib.contextmanager
def _standard_error_held() -> Iterator[None]:
    """Keeps what is written to standard error, and writes it only where an exception comes out of the block."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(terminal, held.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
