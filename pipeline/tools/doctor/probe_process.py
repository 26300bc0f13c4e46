"""Runs the probe in a process that is ended in time."""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PROBE = Path(__file__).with_name("probe.py")
SECONDS = 300

_TAIL_BYTES = 20_000


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a probe said, and how it ended.

    Attributes:
        events: Its lines, as `probe` describes them.
        ending: "" if it came to its end, else what happened: `was ended by SIGILL`.
        log: The end of what the libraries wrote.
    """

    events: list[dict[str, Any]]
    ending: str
    log: str


def run_probe(script: Path = PROBE, seconds: float = SECONDS) -> Outcome:
    """Runs a probe with this interpreter, and ends it and the processes that it started after a time."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "0", "GRPC_VERBOSITY": "ERROR", "PYTHONWARNINGS": "ignore"}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, str(script)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        late = False
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            late = True
            _end(process)
            output, _ = process.communicate()
        finally:
            _end(process)
        ending = f"did not end within {seconds:g} seconds" if late else _ending(process.returncode)
        return Outcome(_events(output), ending, _tail(log))


def _end(process: subprocess.Popen) -> None:
    """Ends the process's group: itself, and what it may have left behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _ending(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"exited with {code}" if code else ""


def _events(output: bytes) -> list[dict[str, Any]]:
    """Whole lines: the last one of a process that was ended may be cut."""
    return [json.loads(line) for line in output.decode().split("\n")[:-1]]


def _tail(log: Any) -> str:
    log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
    return log.read().decode(errors="replace")
