"""All checks, in the order of the table."""

import sys

import ulmfit_tfx
from ulmfit_tfx.pipeline.tools.doctor.finding import Finding, Verdict, as_json, as_text, exit_code, worst
from ulmfit_tfx.pipeline.tools.doctor.gpu import ask_driver, gpu_finding
from ulmfit_tfx.pipeline.tools.doctor.imports import facts_of, import_findings, keras_backend_finding, run_probe
from ulmfit_tfx.pipeline.tools.doctor.installation import NAME, Installation, this_installation
from ulmfit_tfx.pipeline.tools.doctor.lanes import lane_of
from ulmfit_tfx.pipeline.tools.doctor.machine import machine_findings
from ulmfit_tfx.pipeline.tools.doctor.packages import (
    EXTRAS,
    extra_finding,
    overlap_findings,
    requirement_findings,
    stack_finding,
)
from ulmfit_tfx.schemas.errors import ExitCode


def report(quick: bool, json: bool) -> ExitCode:
    """Looks at the installation, and prints what was found.

    Args:
        quick: Import neither TensorFlow nor TFX.
        json: Print JSON in place of a table.
    """
    if sys.stderr.isatty() and not quick:
        print("Importing TensorFlow and TFX, half a minute ...", file=sys.stderr)
    findings = examine(quick)
    print(as_json(findings) if json else as_text(findings, coloured=sys.stdout.isatty()))
    return exit_code(findings)


def examine(quick: bool = False) -> list[Finding]:
    """Looks at the installation that this process runs in.

    Args:
        quick: Import nothing: two seconds in place of half a minute, and less is known.
    """
    installation, lane = this_installation(), lane_of(sys.version_info[:2])
    requirements = [*requirement_findings(installation), stack_finding(installation, lane)]
    findings = [
        package_finding(installation),
        *machine_findings(installation, lane),
        *requirements,
        *overlap_findings(installation),
        *(extra_finding(installation, extra) for extra in EXTRAS),
        keras_backend_finding(),
    ]
    if quick:
        return [*findings, gpu_finding(installation, ask_driver(), None)]
    outcome = run_probe()
    imports = import_findings(installation, outcome, unmet=worst(requirements) is Verdict.BROKEN)
    return [*findings, *imports, gpu_finding(installation, ask_driver(), facts_of(outcome, "tensorflow"), outcome.log)]


def package_finding(installation: Installation) -> Finding:
    """This package, how it was installed, and whether its metadata is that of its code."""
    version = ulmfit_tfx.__version__
    found = f"{version}, {f'checkout {installation.checkout}' if installation.checkout else 'installed'}"
    if installation.version in (None, version):
        return Finding(NAME, found)
    problem = f"The code is that of {version}, the environment was made for {installation.version}."
    return Finding(NAME, found, Verdict.WARNING, problem, installation.renew())
