"""What the benchmarks share: contestants in processes of their own, taking turns, and the machine they run on."""

import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

CONSOLE = Console()

_SHOWN_OF_AN_ERROR = 2000


class Worker:
    """A script of this folder in a process of its own, which answers JSON lines in JSON lines.

    Attributes:
        greeting: Its first answer. None where it could not start, such as for want of a package.
    """

    def __init__(self, python: str, script: str):
        """Starts the process.

        Args:
            python: The interpreter, which need not be this one.
            script: File name.
        """
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - open as long as the process is
        self._process = subprocess.Popen(
            [python, str(Path(__file__).with_name(script))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        greeting = self._process.stdout.readline()
        self.greeting: dict[str, Any] | None = json.loads(greeting) if greeting else None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            stream.close()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Sends a request; returns the next answer.

        Raises:
            RuntimeError: There is none. Says the end of what the process wrote to its standard error.
        """
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """The next answer, see `ask`."""
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args[1]} gave no answer: {self.errors()}")
        return json.loads(line)

    def errors(self) -> str:
        """The end of what the process wrote to its standard error."""
        self._errors.seek(0)
        return self._errors.read()[-_SHOWN_OF_AN_ERROR:]


def timed(function: Callable[..., Any], *inputs: Any) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    function(*inputs)
    return time.perf_counter() - started


def medians(contestants: dict[str, Callable[[], float]], rounds: int, title: str) -> dict[str, float]:
    """Milliseconds of each contestant, called in turn. A call before the first round warms it up."""
    for contestant in contestants.values():
        contestant()
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in track(range(rounds), title, console=CONSOLE, transient=True):
        for name, contestant in contestants.items():
            seconds[name].append(contestant())
    return {name: 1e3 * statistics.median(times) for name, times in seconds.items()}


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {"cores": os.cpu_count(), "processor": _processor(), "python": platform.python_version()}


def _processor() -> str:
    """Name of the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
