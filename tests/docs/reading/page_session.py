"""A reader's folder and shell: bash runs the commands of a page, and `ulmfit-tfx` answers from this process.

Importing TFX takes twenty seconds, so the `ulmfit-tfx` on the shell's PATH is a client of one line a call: it sends its
arguments, folder and standard input here, where the command's own Typer application runs. Options that make things
small are added on the way.
"""

import contextlib
import dataclasses
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from pages import ROOT
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.cli.app import app

_CLIENT = """
import json, os, socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as server:
    server.sendall(json.dumps([sys.argv[2:], os.getcwd(), sys.stdin.read()]).encode())
    server.shutdown(socket.SHUT_WR)
    code, output, errors = json.loads(server.makefile().read())
sys.stdout.write(output)
sys.stderr.write(errors)
sys.exit(code)
"""
_SECONDS = 60
"""That a command line may take without a call of `ulmfit-tfx`, or after one."""
_NUMBERED = re.compile(r"(?:[\w.-]+/)+\d+(?=$|[^\w.])")
_DEMO = re.compile(r"^demo:.*\n\t.*?(ulmfit-tfx run \S+)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Done:
    """What a command of the shell did: its exit code and what it wrote, errors included."""

    code: int
    output: str


class PageSession:
    """The shell of a page's reader, in a folder where each command sees what those before it made."""

    def __init__(self, folder: Path, smaller: Callable[[list[str]], list[str]]):
        """Makes the folder with the commands on its PATH.

        Args:
            folder: Of the reader; may exist.
            smaller: Arguments of `ulmfit-tfx`, with those added that make it quick.
        """
        self.folder, self._smaller = folder, smaller
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        port = self._listener.getsockname()[1]
        self._bin = folder / ".bin"
        self._bin.mkdir(parents=True, exist_ok=True)
        (self._bin / "client.py").write_text(_CLIENT)
        client = shlex.join([sys.executable, "-SI", str(self._bin / "client.py"), str(port)])
        self._add("ulmfit-tfx", f'exec {client} "$@"')
        self._add("make", f'[ "$*" = demo ] && exec {_demo()}; echo "make $*: not here"; exit 2')

    def close(self) -> None:
        """Ends the answering."""
        self._listener.close()

    def run(self, command: str) -> Done:
        """Runs a command line in bash.

        Raises:
            TimeoutError: It takes too long.
        """
        environment = os.environ | {"PATH": f"{self._bin}{os.pathsep}{os.environ['PATH']}"}
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                ["bash", "-o", "pipefail", "-c", with_present_numbers(command, self.folder)],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                self._answer(process)
            finally:
                process.kill()
                process.wait()
            output.seek(0)
            return Done(process.returncode, output.read().decode())

    def _add(self, name: str, script: str) -> None:
        file = self._bin / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def _answer(self, process: subprocess.Popen) -> None:
        """Answers clients until the shell ends."""
        end = time.monotonic() + _SECONDS
        while process.poll() is None:
            if time.monotonic() > end:
                raise TimeoutError(f"{process.args}: not done after {_SECONDS} seconds")
            with contextlib.suppress(TimeoutError):
                connection, _ = self._listener.accept()
                with connection:
                    connection.settimeout(None)
                    request = json.loads(connection.makefile(encoding="utf-8").read())
                    connection.sendall(json.dumps(self._called(*request)).encode())
                end = time.monotonic() + _SECONDS

    def _called(self, arguments: list[str], folder: str, given: str) -> tuple[int, str, str]:
        """Exit code, output and errors of a call of `ulmfit-tfx`."""
        with working_in(Path(folder)):
            result = CliRunner(mix_stderr=False).invoke(app, self._smaller(arguments), input=given)
        unexpected = result.exception is not None and not isinstance(result.exception, SystemExit)
        trace = "".join(traceback.format_exception(*result.exc_info)) if unexpected else ""
        return result.exit_code, result.stdout, result.stderr + trace


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Makes a folder the working one."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def with_present_numbers(text: str, folder: Path) -> str:
    """Paths that end in a number which is not there, with the newest number that is.

    A page shows the versions and executions of the day when it was written.
    """

    def present(match: re.Match[str]) -> str:
        path = Path(match.group())
        if (folder / path).exists():
            return match.group()
        numbers = [int(there.name) for there in (folder / path.parent).glob("*") if there.name.isdigit()]
        return f"{path.parent}/{max(numbers)}" if numbers else match.group()

    return _NUMBERED.sub(present, text)


def _demo() -> str:
    """What `make demo` runs, from the Makefile."""
    found = _DEMO.search((ROOT / "Makefile").read_text(encoding="utf-8"))
    assert found, "the Makefile's target demo has no line with `ulmfit-tfx run CONFIG.yaml`"
    return found.group(1)
