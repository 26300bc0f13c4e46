"""Virtual environments that have a wheel, what it requires, and nothing else."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from linked_packages import link_distributions, that_hold
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


class Distributions(NamedTuple):
    """A release's files, and what was shown while they were built."""

    sdist: Path
    wheel: Path
    log: str


def build_distributions(folder: Path) -> Distributions:
    """Builds an sdist of the checkout, and a wheel of the sdist: nothing of earlier builds is in it."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Distributions(sdist, wheel, done.stdout + done.stderr)


def make_environment(folder: Path, wheel: Path, extras: Iterable[str] = ()) -> tuple[Path, Path]:
    """Its Python and the folder of its packages: links to those that the wheel requires, byte code and all.

    A requirement that the wheel does not declare is missing there, though it may be installed here.
    """
    venv.create(folder)
    (site,) = folder.glob("lib/python*/site-packages")
    python = folder / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    (installed,) = importlib.metadata.distributions(name="ulmfit-tfx", path=[str(site)])
    link_distributions(site, [*that_hold(installed, extras), Requirement("pip")])  # TFX calls `python -m pip`
    return python, site


def find_uv() -> str | None:
    """The checkout's uv, or that on PATH."""
    own = (ROOT / folder / "bin" / "uv" for folder in (".venvs/uv", ".uv"))
    return next((str(path) for path in own if path.exists()), shutil.which("uv"))


def install_environment(folder: Path, wheel: Path, extras: Iterable[str] = ()) -> tuple[Path, Path]:
    """As `make_environment`, but installed by uv, which resolves the wheel's requirements to the versions of here.

    Raises:
        RuntimeError: uv could not install it, such as without a network where its cache lacks a package.
    """
    pins = {
        f"{distribution.name}=={distribution.version}"
        for distribution in importlib.metadata.distributions(path=[sysconfig.get_path("purelib")])
        if distribution.name != "ulmfit-tfx"
    }
    constraints = folder.with_name(f"{folder.name}-constraints.txt")
    constraints.write_text("\n".join(sorted(pins)) + "\n")
    python = folder / "bin" / "python"
    wanted = f"{wheel}[{','.join(extras)}]"
    for command in (
        ["venv", "--seed", "--python", sys.executable, str(folder)],
        ["pip", "install", "--python", str(python), "--constraint", str(constraints), wanted],
    ):
        environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
        done = subprocess.run([find_uv(), *command], capture_output=True, text=True, env=environment)
        if done.returncode:
            raise RuntimeError(f"uv {command[0]}: {done.stderr[-2000:]}")
    (site,) = folder.glob("lib/python*/site-packages")
    return python, site
