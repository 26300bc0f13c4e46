"""Checks of the machine and of the interpreter: everything but packages."""

import contextlib
import ctypes
import importlib.util
import os
import platform
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from ulmfit_tfx.pipeline.tools.doctor.finding import Finding, Verdict
from ulmfit_tfx.pipeline.tools.doctor.installation import Installation
from ulmfit_tfx.pipeline.tools.doctor.lanes import DEFAULT, Lane

_GB = 10**9
_DISK_WANTED = 2 * _GB
_MEMORY_WANTED = 4 * _GB
_COMPILED = ("tensorflow", "apache_beam", "tfx")
_LITTLE_MEMORY = (
    "A process with TFX takes about 1.1 GB before it holds data or a model; below 4 GB a run may be killed."
)
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def machine_findings(installation: Installation, lane: Lane | None) -> list[Finding]:
    """All of them."""
    return [
        python_finding(installation, sys.version_info[:3], lane),
        platform_finding(platform.system(), platform.machine()),
        glibc_finding(installation, glibc_version(), lane),
        pip_finding(installation, importlib.util.find_spec("pip") is not None),
        byte_code_finding(uncompiled_packages(), sys.dont_write_bytecode),
        disk_finding("working folder", Path.cwd),
        disk_finding("temporary folder", lambda: Path(tempfile.gettempdir())),
        memory_finding(memory_bytes()),
        Finding("cores", str(_cores())),
    ]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def python_finding(installation: Installation, version: tuple[int, ...], lane: Lane | None) -> Finding:
    """Whether there is a stack for this Python."""
    found = ".".join(map(str, version))
    if lane:
        return Finding("Python", f"{found}: lane {lane.name} ({lane.stack})")
    problem = f"There is no TFX for Python {found}. 3.10 to 3.13 have one."
    return Finding("Python", found, Verdict.BROKEN, problem, installation.default_lane())


def platform_finding(system: str, machine: str) -> Finding:
    """Whether it is a platform that this was tried on."""
    found = f"{system} {machine}"
    if (system, machine) == ("Linux", "x86_64"):
        return Finding("platform", found)
    problem = "Tried on x86-64 Linux only, and ml-metadata and tfx-bsl may have no wheels for this platform."
    return Finding("platform", found, Verdict.WARNING, problem)


def glibc_version() -> str | None:
    """That of the running process, which need not be the system's. None: its C library is another one."""
    try:
        version = ctypes.CDLL(None).gnu_get_libc_version
    except (AttributeError, OSError):
        return None
    version.restype = ctypes.c_char_p
    return version().decode()


def glibc_finding(installation: Installation, version: str | None, lane: Lane | None) -> Finding:
    """Whether the lane's wheels load with the C library."""
    if version is None:
        problem = "TensorFlow's and TFX's wheels need glibc: use a distribution that has it, such as Debian or Ubuntu."
        return Finding("glibc", "none", Verdict.BROKEN, problem)
    if lane is None or tuple(map(int, version.split(".")[:2])) >= lane.glibc:
        return Finding("glibc", version)
    needed = ".".join(map(str, lane.glibc))
    problem = f"Lane {lane.name} needs glibc {needed} or later; lane {DEFAULT.name}, of Python 3.10, does not."
    return Finding("glibc", version, Verdict.BROKEN, problem, installation.default_lane())


def pip_finding(installation: Installation, there: bool) -> Finding:
    """TFX runs `python -m pip` to package user code for workers."""
    if there:
        return Finding("pip", "in the environment")
    remedy = f"{shlex.quote(installation.python)} -m ensurepip --upgrade"
    if importlib.util.find_spec("ensurepip") is None:
        remedy = f"uv pip install --python {shlex.quote(installation.python)} pip"
    return Finding("pip", "missing", Verdict.BROKEN, "TFX calls `python -m pip`, and so do the commands below.", remedy)


def uncompiled_packages() -> dict[str, bool]:
    """Of the packages that take long to compile, those without byte code, and whether it can be written."""
    found = {}
    for name in _COMPILED:
        spec = importlib.util.find_spec(name)
        if spec and spec.origin and spec.cached and not os.path.exists(spec.cached):
            folder = Path(sys.pycache_prefix or spec.origin).parent
            found[name] = os.access(folder, os.W_OK)
    return found


def byte_code_finding(uncompiled: dict[str, bool], switched_off: bool) -> Finding:
    """Whether imports start from byte code, now or from the second time on."""
    if not uncompiled:
        return Finding("byte code", "compiled")
    names = ", ".join(uncompiled)
    problem = f"{names}: compiled anew at each start, which takes a minute"
    if switched_off:
        problem += "; PYTHONDONTWRITEBYTECODE is set, or python -B."
        return Finding("byte code", "not written", Verdict.WARNING, problem, "unset PYTHONDONTWRITEBYTECODE")
    if not all(uncompiled.values()):
        problem += "; their folders cannot be written to."
        remedy = 'export PYTHONPYCACHEPREFIX="$HOME/.cache/python"'
        return Finding("byte code", "cannot be written", Verdict.WARNING, problem, remedy)
    return Finding("byte code", f"written at the first start ({names})")


def disk_finding(folder: str, path: Callable[[], Path]) -> Finding:
    """Whether a run's files have room."""
    try:
        place = path()
        free = shutil.disk_usage(place).free
        writable = os.access(place, os.W_OK)
    except OSError as error:
        problem = f"The {folder} cannot be used: {error}."
        return Finding(folder, "not there", Verdict.BROKEN, problem)
    found = f"{free / _GB:.1f} GB free in {place}"
    if not writable:
        return Finding(folder, found, Verdict.WARNING, f"{place} cannot be written to. Give another one.")
    if free < _DISK_WANTED:
        problem = f"A run writes about 1 GB, an installation 3.5 GB; {place} has {free / _GB:.1f} GB left."
        return Finding(folder, found, Verdict.WARNING, problem)
    return Finding(folder, found)


def memory_bytes() -> int | None:
    """The machine's, or the container's limit if that is less. None: unknown."""
    sizes = []
    with contextlib.suppress(OSError, ValueError):
        sizes.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for limit in _CGROUP_LIMITS:
        with contextlib.suppress(OSError, ValueError):
            sizes.append(int(Path(limit).read_text()))
    return min(sizes, default=None)


def memory_finding(size: int | None) -> Finding:
    """Whether TensorFlow and a run's data have room."""
    if size is None:
        return Finding("memory", "unknown")
    found = f"{size / _GB:.1f} GB"
    if size >= _MEMORY_WANTED:
        return Finding("memory", found)
    return Finding("memory", found, Verdict.WARNING, _LITTLE_MEMORY)
