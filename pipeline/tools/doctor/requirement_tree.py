"""What the package requires, what that requires in turn, and what of it the environment does not have."""

import contextlib
import dataclasses
import functools
import importlib
import importlib.metadata
from collections import deque
from collections.abc import Sequence
from types import ModuleType
from typing import Any

STAND_INS = {"tensorflow": ("tensorflow-cpu", "tensorflow-gpu", "tensorflow-rocm", "tf-nightly")}
"""Distributions that install the same modules as another. `make image` puts tensorflow-cpu where there is no GPU."""


@dataclasses.dataclass(frozen=True)
class Unmet:
    """A requirement that is not met.

    Attributes:
        name: What is required.
        requirement: As the requirer says it: `protobuf<5,>=3.20.3`.
        requirer: Name and version of what requires it.
        installed: The version that is there; None: it is missing.
        depth: 1 if the package itself requires it, 2 if one of those does, and so on.
        extra: The extra of the package that asks for it; "": the package does without one.
    """

    name: str
    requirement: str
    requirer: str
    installed: str | None
    depth: int
    extra: str = ""


@dataclasses.dataclass
class RequirementTree:
    """What was found from one distribution down.

    Attributes:
        versions: Installed versions by name, of those that meet a requirement.
        unmet: What is missing or of another version.
        wanted: By name, what all requirers together ask for, to give to pip.
    """

    versions: dict[str, str]
    unmet: list[Unmet]
    wanted: dict[str, str]

    def unmet_of(self, extra: str) -> list[Unmet]:
        """What only an extra lacks; "": what the package lacks without extras."""
        return [unmet for unmet in self.unmet if unmet.extra == extra]


class PackagingMissingError(Exception):
    """Requirements cannot be read: neither `packaging` nor pip, which holds a copy, is installed."""


def installed_version(name: str) -> str | None:
    """Version of a distribution; None: it is not installed, or its metadata is damaged."""
    try:
        return importlib.metadata.version(name)
    except (importlib.metadata.PackageNotFoundError, KeyError, TypeError):
        return None


def walk(root: importlib.metadata.Distribution, extras: Sequence[str] = ()) -> RequirementTree:
    """Follows requirements, with markers evaluated, to their end: first the package's, then those that an extra adds.

    What does not meet a requirement is not followed: its own requirements are those of a wrong version.

    Raises:
        PackagingMissingError: There is nothing to read requirements with.
    """
    packaging, lookup = _packaging(), functools.cache(_installed)
    versions: dict[str, str] = {}
    unmet: dict[tuple[str, str], Unmet] = {}
    demands: dict[str, list[Any]] = {}
    seen = set()
    for extra in ("", *extras):
        waiting = deque([(root, frozenset([extra]), 1)])
        while waiting:
            distribution, of_extras, depth = waiting.popleft()
            requirer = f"{distribution.metadata['Name']} {distribution.version}"
            for requirement in _requirements(packaging, distribution, of_extras):
                name = packaging.utils.canonicalize_name(requirement.name)
                demands.setdefault(name, []).append(requirement)
                found, version = lookup(name)
                if version is None or not requirement.specifier.contains(version, prereleases=True):
                    text = _text(requirement)
                    unmet.setdefault((requirer, text), Unmet(name, text, requirer, version, depth, extra))
                    continue
                versions[found] = version
                asked = (found, frozenset(requirement.extras))
                if asked not in seen:
                    seen.add(asked)
                    waiting.append((importlib.metadata.distribution(found), asked[1], depth + 1))
    wanted = {name: _together(packaging, name, requirements) for name, requirements in demands.items()}
    return RequirementTree(versions, list(unmet.values()), wanted)


def installed_tensorflows() -> dict[str, str]:
    """Versions of the distributions that install TensorFlow's modules, by name."""
    names = ("tensorflow", *STAND_INS["tensorflow"])
    return {name: version for name in names if (version := installed_version(name))}


def _installed(name: str) -> tuple[str, str | None]:
    """The distribution that provides another one's modules, mostly itself, and its version."""
    for candidate in (name, *STAND_INS.get(name, ())):
        if version := installed_version(candidate):
            return candidate, version
    return name, None


def _packaging() -> ModuleType:
    for name in ("packaging", "pip._vendor.packaging"):
        with contextlib.suppress(ImportError):
            for part in ("requirements", "utils", "version"):
                importlib.import_module(f"{name}.{part}")
            return importlib.import_module(name)
    raise PackagingMissingError


def _requirements(packaging: Any, distribution: importlib.metadata.Distribution, extras: frozenset[str]) -> list[Any]:
    """Those that hold here, of a distribution with extras. What is not in today's format is left out, as pip does."""
    found = []
    for text in distribution.requires or []:
        with contextlib.suppress(packaging.requirements.InvalidRequirement):
            requirement = packaging.requirements.Requirement(text)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                found.append(requirement)
    return found


def _text(requirement: Any) -> str:
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}"


def _together(packaging: Any, name: str, requirements: Sequence[Any]) -> str:
    """One requirement that meets all: of several lower bounds the highest, of several upper ones the lowest."""
    extras = sorted(set().union(*(requirement.extras for requirement in requirements)))
    key = packaging.version.Version
    bounds: dict[str, set[str]] = {}
    for requirement in requirements:
        for specifier in requirement.specifier:
            bounds.setdefault(specifier.operator, set()).add(specifier.version)
    lowest = max(bounds.pop(">=", ()), key=key, default=None)
    highest = min(bounds.pop("<", ()), key=key, default=None)
    if highest:  # what is excluded beyond it needs no mention
        excluded = bounds.pop("!=", set())
        bounds["!="] = {version for version in excluded if key(version.removesuffix(".*")) < key(highest)}
    parts = [f">={lowest}"] * bool(lowest) + [f"<{highest}"] * bool(highest)
    parts += sorted(operator + version for operator, versions in bounds.items() for version in versions)
    return name + (f"[{','.join(extras)}]" if extras else "") + ",".join(parts)
