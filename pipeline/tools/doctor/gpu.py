"""Checks of GPUs: what the driver has, and what TensorFlow sees of it."""

import os
import subprocess
from typing import Any

from ulmfit_tfx.pipeline.tools.doctor.finding import Finding, Verdict
from ulmfit_tfx.pipeline.tools.doctor.installation import Installation
from ulmfit_tfx.pipeline.tools.doctor.packages import installed_tensorflows

_QUERY = ("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
_SECONDS = 20


def ask_driver() -> tuple[list[str], str]:
    """GPUs as `NAME (driver VERSION)`, and "" or what is wrong with the driver. No driver is nothing wrong."""
    try:
        done = subprocess.run(_QUERY, capture_output=True, text=True, errors="replace", timeout=_SECONDS)
    except FileNotFoundError:
        return [], ""
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], f"nvidia-smi does not run: {error}"
    if done.returncode:
        said = (done.stdout + done.stderr).strip().partition("\n")[0]
        return [], f"nvidia-smi exits with {done.returncode}: {said}"
    rows = (line.rpartition(", ") for line in done.stdout.strip().splitlines())
    return [f"{name} (driver {version})" for name, _, version in rows], ""


def gpu_finding(
    installation: Installation, driver: tuple[list[str], str], seen: dict[str, Any] | None, log: str = ""
) -> Finding:
    """Whether TensorFlow sees the GPUs that the driver has.

    Args:
        installation: For the command.
        driver: As `ask_driver` returns it.
        seen: What the probe says of TensorFlow: the `gpus` that it lists, its `version`, and `cuda` and `cudnn` if it
            was built with them; None: it was not asked, or did not answer.
        log: What TensorFlow wrote meanwhile.
    """
    (present, trouble), facts = driver, seen or {}
    built = f", built for CUDA {facts['cuda']}, cuDNN {facts['cudnn']}" if facts.get("cuda") else ""
    if facts.get("gpus"):
        return Finding("GPU", f"TensorFlow sees {', '.join(facts['gpus'])}{built}")
    if trouble:
        problem = f"{trouble}. The driver is the system's: no package for Python mends it."
        return Finding("GPU", "the driver does not answer", Verdict.WARNING, problem)
    if not present:
        return Finding("GPU", "none: TensorFlow computes on the CPU")
    found = "; ".join(present)
    if seen is None:
        return Finding("GPU", f"{found}; TensorFlow was not asked")
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden in ("", "-1"):
        problem = f"CUDA_VISIBLE_DEVICES='{hidden}' hides the GPU from TensorFlow."
        return Finding("GPU", f"{found}, hidden", Verdict.NOTE, problem, "unset CUDA_VISIBLE_DEVICES")
    remedy = installation.pip("install", f"tensorflow[and-cuda]=={facts['version']}")
    if built:
        problem = f"The driver has a GPU that TensorFlow {facts['version']}{built}, does not see. "
        problem += "Are CUDA's libraries missing?"
    else:
        problem = f"The driver has a GPU, but TensorFlow {facts['version']} was built without CUDA."
        remedy = f"{installation.pip('uninstall', '--yes', *installed_tensorflows())} && {remedy}"
    if said := _complaint(log):
        problem += f" It says: {said}"
    return Finding("GPU", f"{found}, not seen by TensorFlow", Verdict.WARNING, problem, remedy)


def _complaint(log: str) -> str:
    """TensorFlow's last line on CUDA, without time and source file."""
    lines = [line for line in log.splitlines() if "CUDA" in line or "GPU librar" in line or "cuda drivers" in line]
    return lines[-1].rpartition("] ")[2] if lines else ""
