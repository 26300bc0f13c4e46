"""All checks, in the order of the table."""

import json
import sys
from collections.abc import Sequence

import ulmfit_tfx
from ulmfit_tfx.pipeline.tools.doctor.finding import Finding, Verdict, worst
from ulmfit_tfx.pipeline.tools.doctor.gpu import ask_driver, gpu_finding
from ulmfit_tfx.pipeline.tools.doctor.imports import facts_of, import_findings
from ulmfit_tfx.pipeline.tools.doctor.installation import NAME, Installation, this_installation
from ulmfit_tfx.pipeline.tools.doctor.machine import machine_findings
from ulmfit_tfx.pipeline.tools.doctor.probe_process import run_probe
from ulmfit_tfx.pipeline.tools.doctor.requirements import requirement_findings
from ulmfit_tfx.schemas.errors import ExitCode


def examine(quick: bool = False) -> list[Finding]:
    """Looks at the installation that this process runs in.

    Args:
        quick: Import nothing: two seconds in place of half a minute, and less is known.
    """
    installation = this_installation()
    requirements = requirement_findings(installation)
    findings = [package_finding(installation), *machine_findings(installation), *requirements]
    if quick:
        return [*findings, gpu_finding(installation, ask_driver(), None, {})]
    outcome = run_probe()
    gpus = facts_of(outcome, "gpus") or {}
    tensorflow = facts_of(outcome, "tensorflow") or {}
    return [
        *findings,
        *import_findings(installation, outcome, unmet=worst(requirements) is Verdict.BROKEN),
        gpu_finding(installation, ask_driver(), gpus.get("names"), tensorflow, outcome.log),
    ]


def package_finding(installation: Installation) -> Finding:
    """This package, how it was installed, and whether its metadata is that of its code."""
    version = ulmfit_tfx.__version__
    found = f"{version}, {f'checkout {installation.checkout}' if installation.checkout else 'installed'}"
    recorded = installation.distribution.version if installation.distribution else version
    if recorded == version:
        return Finding(NAME, found)
    problem = f"The code is that of {version}, the environment was made for {recorded}."
    return Finding(NAME, found, Verdict.WARNING, problem, installation.renew())


def exit_code(findings: Sequence[Finding]) -> ExitCode:
    """1 where something is broken; notes and warnings are no failure."""
    return ExitCode.STAGE_FAILED if worst(findings) is Verdict.BROKEN else ExitCode.OK


def as_json(findings: Sequence[Finding]) -> str:
    """The findings for machines."""
    report = {
        "ulmfit_tfx": ulmfit_tfx.__version__,
        "python": sys.executable,
        "verdict": worst(findings).value,
        "findings": [
            {
                "check": finding.check,
                "found": finding.found,
                "verdict": finding.verdict.value,
                "problem": finding.problem,
                "remedy": finding.remedy,
            }
            for finding in findings
        ],
    }
    return json.dumps(report, indent=2)
