"""Folders with links to some installed distributions and what those require, and nothing else of this environment."""

import importlib.metadata
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def link_distributions(folder: Path, requirements: Iterable[Requirement]) -> None:
    """Links the modules and metadata of distributions, and of all that they require here, into a folder.

    Raises:
        importlib.metadata.PackageNotFoundError: One of them is not installed here.
    """
    waiting, seen = list(requirements), set()
    while waiting:
        requirement = waiting.pop()
        key = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if key in seen:
            continue
        seen.add(key)
        distribution = importlib.metadata.distribution(requirement.name)
        waiting += that_hold(distribution, requirement.extras)
        for top in {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(Path(str(distribution.locate_file(top))))


def that_hold(distribution: importlib.metadata.Distribution, extras: Iterable[str]) -> list[Requirement]:
    """Requirements of a distribution whose markers hold for this Python and these extras."""
    requirements = map(Requirement, distribution.requires or [])
    return [
        requirement
        for requirement in requirements
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    ]
