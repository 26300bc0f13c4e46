"""Checks of what happens when TensorFlow, TFX and what goes with them are imported and used."""

import importlib.metadata
import json
import os
import re
import shlex
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ulmfit_tfx.pipeline.tools.doctor.finding import Finding, Verdict
from ulmfit_tfx.pipeline.tools.doctor.installation import Installation
from ulmfit_tfx.pipeline.tools.doctor.probe_process import Outcome
from ulmfit_tfx.pipeline.tools.doctor.requirement_tree import installed_version

NAMES = {
    "tensorflow": "TensorFlow",
    "gpus": "GPU",
    "keras": "Keras",
    "tensorflow.keras": "tensorflow.keras",
    "tensorflow_text": "tensorflow-text",
    "ml_metadata": "ML Metadata",
    "apache_beam": "Beam",
    "tensorflow_model_analysis": "TFMA",
    "tfx": "TFX",
}
"""The steps of the probe, as the table names them."""

_OTHERWISE_NAMED = {"gpus": "tensorflow", "tensorflow.keras": "tf-keras"}
_DISTRIBUTIONS = {name: name.replace("_", "-") for name in NAMES} | _OTHERWISE_NAMED
_SLOW_SECONDS = 60
_MESSAGE_CHARACTERS = 300
_ABSENT_MODULE = re.compile(r"No module named '(\w+)")
_UNDEFINED_SYMBOL = re.compile(r"([^/\s:]+\.so\S*): undefined symbol: (\w+)")


def import_findings(installation: Installation, outcome: Outcome, unmet: bool) -> list[Finding]:
    """One of each step but `gpus`, unless that failed: `gpu.gpu_finding` has the driver to compare with.

    Args:
        installation: For the commands.
        outcome: What the probe said.
        unmet: Requirements are not met. Then their commands come first, and imports that fail get none of their own.
    """
    last = {event["step"]: event for event in outcome.events}
    findings = []
    for step, event in last.items():
        if event["state"] == "done":
            if step in _DONE:
                findings.append(_DONE[step](installation, event["facts"]))
        elif event["state"] == "failed":
            findings.append(_failed(installation, event, unmet))
        elif event["state"] == "left_out":
            if step != "gpus":
                needs = " and ".join(NAMES[need] for need in event["needs"])
                findings.append(Finding(NAMES[step], f"not tried: needs {needs}", Verdict.BROKEN))
        else:
            findings.append(_ended(installation, step, outcome))
    if not last:
        findings.append(Finding("imports", "not tried", Verdict.BROKEN, f"The process {outcome.ending}: {outcome.log}"))
    return [*findings, *_time(outcome)]


def facts_of(outcome: Outcome, step: str) -> dict[str, Any] | None:
    """What a step found; None if it did not come to its end."""
    done = (event["facts"] for event in outcome.events if event["step"] == step and event["state"] == "done")
    return next(done, None)


def _version(name: str) -> Callable[[Installation, dict[str, Any]], Finding]:
    return lambda _, facts: Finding(name, f"{facts['version']}, imported")


def _keras(_: Installation, facts: dict[str, Any]) -> Finding:
    version, backend = facts["version"], facts["backend"]
    found = f"{version}, backend {backend}"
    if backend == "tensorflow":
        return Finding("Keras", found)
    return _other_backend(found, backend)


def _other_backend(found: str, backend: str) -> Finding:
    variable = os.environ.get("KERAS_BACKEND")
    origin = f"KERAS_BACKEND={variable}" if variable else str(keras_file())
    problem = f"{origin} chooses Keras' backend {backend}. Models are trained and exported with the backend tensorflow."
    return Finding("Keras", found, Verdict.BROKEN, problem, "export KERAS_BACKEND=tensorflow")


def keras_file() -> Path:
    """Where Keras is configured, for all programs of a user."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras.json"


def chosen_backend() -> str:
    """The backend that Keras will take, by its variable or file."""
    variable = os.environ.get("KERAS_BACKEND")
    if variable:
        return variable
    try:
        return str(json.loads(keras_file().read_text())["backend"])
    except (OSError, ValueError, KeyError, TypeError):
        return "tensorflow"


def _tf_keras(_: Installation, facts: dict[str, Any]) -> Finding:
    """Either will do: what is ours imports keras. Importing TFX sets TF_USE_LEGACY_KERAS for later processes."""
    version = facts["version"]
    kind = "Keras 2 (TF_USE_LEGACY_KERAS), not used here" if version.startswith("2.") else "Keras 3"
    return Finding("tensorflow.keras", f"{version}, {kind}")


def _beam(installation: Installation, facts: dict[str, Any]) -> Finding:
    version = facts["version"]
    if facts["gcp"]:
        return Finding("Beam", f"{version}, imported, with gcp")
    problem = "Optional: gs:// paths and Dataflow need Beam's extra gcp."
    remedy = installation.mend(f"apache-beam[gcp]=={version}")
    return Finding("Beam", f"{version}, imported, without gcp", Verdict.NOTE, problem, remedy)


def _tfma(installation: Installation, facts: dict[str, Any]) -> Finding:
    version = facts["version"]
    if facts["complete"]:
        return Finding("TFMA", f"{version}, imported")
    problem = "tensorflow-model-analysis hides that a package it imports is missing, and is then without its functions."
    remedy = installation.mend(f"tensorflow-model-analysis=={version}")
    return Finding("TFMA", f"{version}, incomplete", Verdict.BROKEN, problem, remedy)


_DONE: dict[str, Callable[[Installation, dict[str, Any]], Finding]] = {
    "tensorflow": _version("TensorFlow"),
    "keras": _keras,
    "tensorflow.keras": _tf_keras,
    "tensorflow_text": _version("tensorflow-text"),
    "ml_metadata": lambda _, facts: Finding("ML Metadata", f"{facts['version']}, opened a SQLite store"),
    "apache_beam": _beam,
    "tensorflow_model_analysis": _tfma,
    "tfx": _version("TFX"),
}


def _failed(installation: Installation, event: dict[str, Any], unmet: bool) -> Finding:
    step, message = event["step"], event["message"]
    name = NAMES[step]
    if step == "keras" and chosen_backend() != "tensorflow":
        return _other_backend("does not import", chosen_backend())
    if symbol := _UNDEFINED_SYMBOL.search(message):
        library, missing = symbol.groups()
        found = "its library does not load"
        problem = (
            f"{library} of {name} needs the symbol {missing}, which the TensorFlow that is installed does not have."
        )
    else:
        found = f"fails: {event['error']}"
        problem = f"{name} ends with {event['error']}: {_in_short(message).rstrip('.')}."
    if unmet:
        return Finding(name, found, Verdict.BROKEN, problem + " Mend the requirements first.")
    return Finding(name, found, Verdict.BROKEN, problem, installation.restore(*_to_restore(event)))


def _to_restore(event: dict[str, Any]) -> list[str]:
    """The distribution of the module that was not found, else of the step, as installed."""
    absent = _ABSENT_MODULE.search(event["message"]) if event["error"] == "ModuleNotFoundError" else None
    names = importlib.metadata.packages_distributions().get(absent[1], []) if absent else []
    names = names or [_DISTRIBUTIONS[event["step"]]]
    return [f"{name}=={version}" if (version := installed_version(name)) else name for name in names]


def _in_short(message: str) -> str:
    line = message.strip().partition("\n")[0]
    return line if len(line) <= _MESSAGE_CHARACTERS else line[:_MESSAGE_CHARACTERS] + " ..."


def _ended(installation: Installation, step: str, outcome: Outcome) -> Finding:
    """Of the step that the process did not survive."""
    name = NAMES[step]
    problem = f"The process that imports {name} {outcome.ending}."
    if outcome.ending.endswith("SIGILL") and not _has_avx():
        problem += " TensorFlow's wheels need a processor with AVX, which this one does not have: use another machine."
        return Finding(name, outcome.ending, Verdict.BROKEN, problem)
    if last := outcome.log.strip().rpartition("\n")[2]:
        problem += f" Last it wrote: {_in_short(last)}"
    return Finding(name, outcome.ending, Verdict.BROKEN, problem, installation.restore(_DISTRIBUTIONS[step]))


def _has_avx() -> bool:
    try:
        return " avx " in Path("/proc/cpuinfo").read_text()
    except OSError:
        return True


def _time(outcome: Outcome) -> list[Finding]:
    """How long the imports of a run take together. None of them if some did not come to their end."""
    if facts_of(outcome, "tfx") is None:
        return []
    seconds = sum(event.get("seconds", 0) for event in outcome.events)
    found = f"{seconds:.0f} s"
    if seconds <= _SLOW_SECONDS:
        return [Finding("time of imports", found)]
    folder = shlex.quote(sysconfig.get_path("purelib"))
    problem = f"A run starts {found} late. Byte code of all packages helps, where there is none yet."
    remedy = f"{shlex.quote(sys.executable)} -m compileall -q -j 0 {folder}"
    return [Finding("time of imports", found, Verdict.WARNING, problem, remedy)]
