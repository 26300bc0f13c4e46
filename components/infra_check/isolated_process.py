"""Runs requests in a process of its own, which may die of the model."""

import dataclasses
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from ulmfit_tfx.components.infra_check.isolated_run import decoded, encoded
from ulmfit_tfx.components.reports.infra import CheckName

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 900

_SCRIPT = Path(__file__).with_name("isolated_run.py")
_KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR")

Arrays = Mapping[str, np.ndarray]


class Request(NamedTuple):
    """A request to a signature.

    Attributes:
        label: What it is called in sentences.
        signature: Name of the signature.
        inputs: By name.
    """

    label: str
    signature: str
    inputs: Arrays


@dataclasses.dataclass(frozen=True)
class Findings:
    """What became of the requests.

    Attributes:
        failures: Name of the check and a sentence each.
        answers: Outputs by name, by the place of the request, by the way in which the model was loaded.
        latency: As `report.Latency`, by name of the signature.
        memory: As `report.Memory`, empty where the model did not load.
    """

    failures: Sequence[tuple[CheckName, str]]
    answers: Mapping[str, Mapping[int, Arrays]] = dataclasses.field(default_factory=dict)
    latency: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    memory: Mapping[str, float] = dataclasses.field(default_factory=dict)


def run_isolated(model: str, requests: Sequence[Request]) -> Findings:
    """Loads a model and runs requests where only TensorFlow and tensorflow-text are.

    Args:
        model: Folder of the SavedModel, local.
        requests: Run in this order.

    Returns:
        What was found. A process that dies or takes more than `TIMEOUT_SECONDS` is a failure.
    """
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "cwd").mkdir()
        sent = [(request.label, request.signature, encoded(request.inputs)) for request in requests]
        (folder / "requests").write_text(json.dumps(sent), encoding="utf-8")
        (folder / "step").write_text("starting Python", encoding="utf-8")
        ended = _run([str(Path(model).absolute()), str(folder / "requests"), str(folder)], folder / "cwd")
        if ended is None:
            return _findings(json.loads((folder / "findings").read_text(encoding="utf-8")))
        step = (folder / "step").read_text(encoding="utf-8")
        return Findings(
            [("loading" if step.startswith("loading") else "requests", f"the process {ended} while {step}")]
        )


def _findings(written: Mapping[str, Any]) -> Findings:
    answers = {
        way: {int(index): decoded(arrays) for index, arrays in answers.items()}
        for way, answers in written["answers"].items()
    }
    failures = [(check, sentence) for check, sentence in written["failures"]]
    return Findings(failures, answers, written["latency"], written["memory"])


def _run(arguments: Sequence[str], folder: Path) -> str | None:
    """Runs the script; returns how the process ended, or None where it ended well."""
    environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    # TensorFlow Serving's operations are compared for the CPU, and a GPU of the machine may be in use.
    environment |= {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "1"}
    command = [sys.executable, "-I", str(_SCRIPT), *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            timeout=TIMEOUT_SECONDS,
            capture_output=True,
        )
    except subprocess.TimeoutExpired:
        return f"did not end within {TIMEOUT_SECONDS} seconds"
    if done.returncode == 0:
        return None
    log.error("The check's process ended with %d:\n%s", done.returncode, done.stderr.decode(errors="replace")[-4000:])
    return describe_exit(done.returncode)


def describe_exit(code: int) -> str:
    """How a process ended, such as "was killed by SIGSEGV".

    Args:
        code: As `subprocess` gives it, negative where a signal ended the process. Not 0.
    """
    if code > 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name
    return f"was killed by {name}" + (", as happens where memory runs out," if name == "SIGKILL" else "")
