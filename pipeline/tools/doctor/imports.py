"""Checks of what happens when TensorFlow, TFX and what goes with them are imported and used."""

import contextlib
import dataclasses
import importlib.metadata
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from ulmfit_tfx.pipeline.tools.doctor.finding import Finding, Verdict
from ulmfit_tfx.pipeline.tools.doctor.installation import Installation
from ulmfit_tfx.pipeline.tools.doctor.packages import installed_version

PROBE = Path(__file__).with_name("probe.py")

_SECONDS = 300
_SLOW_SECONDS = 60
_TAIL_BYTES = 20_000
_MESSAGE_CHARACTERS = 300
_ABSENT_MODULE = re.compile(r"No module named '(\w+)")
_UNDEFINED_SYMBOL = re.compile(r"([^/\s:]+\.so\S*): undefined symbol: (\w+)")


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


def run_probe(script: Path = PROBE, seconds: float = _SECONDS) -> Outcome:
    """Runs a probe with this interpreter, and ends it and the processes that it started after a time."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "0", "GRPC_VERBOSITY": "ERROR", "PYTHONWARNINGS": "ignore"}
    environment = {**os.environ, **quiet, "KERAS_BACKEND": "tensorflow"}  # another choice is a finding of its own
    with tempfile.TemporaryFile() as log, tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, str(script)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=log,
            start_new_session=True,
        )
        ending = f"did not end within {seconds:g} seconds"
        try:
            ending = _ending(process.wait(timeout=seconds))
        except subprocess.TimeoutExpired:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # itself, and what it may have left behind
            process.wait()
        lines = _read(said).split("\n")[:-1]  # the last line of a process that was ended may be cut
        return Outcome([json.loads(line) for line in lines], ending, _read(log, _TAIL_BYTES))


def _ending(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"exited with {code}" if code else ""


def _read(file: Any, most: int | None = None) -> str:
    """What a file holds, or the end of it."""
    length = file.seek(0, os.SEEK_END)
    file.seek(0 if most is None else max(0, length - most))
    return file.read().decode(errors="replace")


def import_findings(installation: Installation, outcome: Outcome, unmet: bool) -> list[Finding]:
    """One of each check, and how long all took.

    Args:
        installation: For the commands.
        outcome: What the probe said.
        unmet: Requirements are not met. Then their commands come first, and imports that fail get none of their own.
    """
    last = {event["check"]: event for event in outcome.events}
    findings = [_finding(installation, event, outcome, unmet) for event in last.values()]
    if not findings:
        findings.append(Finding("imports", "not tried", Verdict.BROKEN, f"The process {outcome.ending}: {outcome.log}"))
    return [*findings, *_time(outcome)]


def _finding(installation: Installation, event: dict[str, Any], outcome: Outcome, unmet: bool) -> Finding:
    check = f"import {event['check']}"
    if event["state"] == "done":
        facts = event["facts"]
        remedy = installation.mend(installation.pip("install", facts["lacks"])) if "lacks" in facts else ""
        verdict = Verdict(facts.get("verdict", "ok"))
        return Finding(check, facts["found"], verdict, facts.get("problem", ""), remedy)
    if event["state"] == "left_out":
        return Finding(check, f"not tried: needs {' and '.join(event['needs'])}", Verdict.BROKEN)
    found, problem = _ended(event, outcome) if event["state"] == "begun" else _failed(event)
    if outcome.ending.endswith("SIGILL") and not _has_avx():
        problem += " TensorFlow's wheels need a processor with AVX, which this one does not have: use another machine."
        return Finding(check, found, Verdict.BROKEN, problem)
    if unmet:
        return Finding(check, found, Verdict.BROKEN, problem + " Mend the requirements first.")
    pinned = [f"{name}=={version}" if (version := installed_version(name)) else name for name in _to_restore(event)]
    remedy = installation.mend(installation.pip("install", "--force-reinstall", "--no-deps", *pinned))
    return Finding(check, found, Verdict.BROKEN, problem, remedy)


def facts_of(outcome: Outcome, check: str) -> dict[str, Any] | None:
    """What a check found; None if it did not come to its end."""
    done = (event["facts"] for event in outcome.events if event["check"] == check and event["state"] == "done")
    return next(done, None)


def keras_backend_finding() -> Finding:
    """Which backend Keras takes, by its variable or its file."""
    file = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras.json"
    backend, origin = "tensorflow", ""
    if variable := os.environ.get("KERAS_BACKEND"):
        backend, origin = variable, f"KERAS_BACKEND={variable}"
    else:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            backend, origin = str(json.loads(file.read_text())["backend"]), str(file)
    if backend == "tensorflow":
        return Finding("Keras backend", backend)
    problem = f"{origin} chooses Keras' backend {backend}. Models are trained and exported with the backend tensorflow."
    return Finding("Keras backend", backend, Verdict.BROKEN, problem, "export KERAS_BACKEND=tensorflow")


def _failed(event: dict[str, Any]) -> tuple[str, str]:
    """What came of an import that raised, in a few words and in a sentence."""
    check, message = event["check"], event["message"]
    if symbol := _UNDEFINED_SYMBOL.search(message):
        problem = f"{symbol[1]} of {check} needs the symbol {symbol[2]}, which the installed TensorFlow does not have."
        return "its library does not load", problem
    return f"fails: {event['error']}", f"{check} ends with {event['error']}: {_in_short(message).rstrip('.')}."


def _ended(event: dict[str, Any], outcome: Outcome) -> tuple[str, str]:
    """What came of an import that the process did not survive, in a few words and in a sentence."""
    problem = f"The process that imports {event['check']} {outcome.ending}."
    last = outcome.log.strip().rpartition("\n")[2]
    return outcome.ending, f"{problem} Last it wrote: {_in_short(last)}" if last else problem


def _in_short(message: str) -> str:
    line = message.strip().partition("\n")[0]
    return line if len(line) <= _MESSAGE_CHARACTERS else line[:_MESSAGE_CHARACTERS] + " ..."


def _to_restore(event: dict[str, Any]) -> list[str]:
    """The distribution of the module that was not found, else the one that was imported."""
    absent = _ABSENT_MODULE.search(event.get("message", ""))
    return (importlib.metadata.packages_distributions().get(absent[1]) if absent else None) or [event["check"]]


def _has_avx() -> bool:
    try:
        return " avx " in Path("/proc/cpuinfo").read_text()
    except OSError:
        return True


def _time(outcome: Outcome) -> list[Finding]:
    """How long the imports of a run take together. None of them if some did not come to their end."""
    if facts_of(outcome, "tfx") is None:
        return []
    found = f"{sum(event.get('seconds', 0) for event in outcome.events):.0f} s"
    if int(found.split()[0]) <= _SLOW_SECONDS:
        return [Finding("time of imports", found)]
    problem = f"A run starts {found} late. Byte code of all packages helps, where there is none yet."
    remedy = shlex.join([sys.executable, "-m", "compileall", "-q", "-j", "0", sysconfig.get_path("purelib")])
    return [Finding("time of imports", found, Verdict.WARNING, problem, remedy)]
