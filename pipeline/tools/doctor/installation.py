"""How the package was installed, and so which commands mend it."""

import contextlib
import dataclasses
import importlib.metadata
import json
import shlex
import sys
from pathlib import Path
from urllib.parse import unquote, urlparse

import ulmfit_tfx
from ulmfit_tfx.pipeline.tools.doctor.lanes import DEFAULT

NAME = "ulmfit-tfx"

_SET_UP_BY = Path("requirements", "install.sh")


@dataclasses.dataclass(frozen=True)
class Installation:
    """An environment with this package.

    Attributes:
        python: The interpreter, as commands name it.
        prefix: The environment's folder.
        checkout: The folder with the sources, of an editable installation.
        distribution: The package's metadata; None where the environment has none.
    """

    python: str
    prefix: Path
    checkout: Path | None
    distribution: importlib.metadata.Distribution | None

    @property
    def set_up_by_make(self) -> bool:
        """Whether the environment is one that the checkout's `make setup` makes."""
        return self.checkout is not None and self._within is not None

    @property
    def _within(self) -> Path | None:
        """The environment's path in the checkout: `.venv` or `.venvs/LANE`."""
        if self.checkout is None:
            return None
        with contextlib.suppress(ValueError):
            path = self.prefix.resolve().relative_to(self.checkout.resolve())
            if path == Path(".venv") or path.parent == Path(".venvs"):
                return path
        return None

    def renew(self) -> str:
        """The command that installs the package and all that it requires."""
        path = self._within
        if self.checkout is None:
            return self.install(NAME)
        if path is None:
            return self.pip(f"--editable {shlex.quote(str(self.checkout))}")
        remove = f"rm -r {shlex.quote(str(self.checkout / path))}"
        if path == Path(".venv"):
            return f"{remove} && {self._make()}"
        if (self.checkout / ".venv").resolve() == self.prefix.resolve():
            return f"{remove} && LANE={path.name} {self._make()}"
        return f"{remove} && {shlex.quote(str(self.checkout / _SET_UP_BY))} {path.name}"  # a lane beside the one in use

    def default_lane(self) -> str:
        """The command that makes an environment of the lane that installs on any Linux."""
        if self.checkout is not None:
            return f"LANE={DEFAULT.name} {self._make()}"
        return f"uv venv --seed --python 3.10 .venv && uv pip install --python .venv/bin/python {NAME}"

    def _make(self) -> str:
        return f"make -C {shlex.quote(str(self.checkout))} setup"

    def mend(self, *requirements: str) -> str:
        """The command for packages that are missing or of a wrong version: from the lock, where there is one."""
        return self.renew() if self.set_up_by_make else self.install(*requirements)

    def restore(self, *requirements: str) -> str:
        """The command for packages whose files are damaged."""
        return self.renew() if self.set_up_by_make else self.pip(f"--force-reinstall --no-deps {_quoted(requirements)}")

    def install(self, *requirements: str) -> str:
        """The command that adds packages."""
        return self.pip(_quoted(requirements))

    def extra(self, name: str) -> str:
        """The command that adds an extra of this package."""
        if self.checkout is not None:
            return self.pip(f"--editable {shlex.quote(f'{self.checkout}[{name}]')}")
        return self.install(f"{NAME}[{name}]")

    def uninstall(self, *names: str) -> str:
        """The command that removes packages."""
        return f"{shlex.quote(self.python)} -m pip uninstall --yes {_quoted(names)}"

    def pip(self, arguments: str) -> str:
        """`pip install` of this environment."""
        return f"{shlex.quote(self.python)} -m pip install {arguments}"


def _quoted(requirements: tuple[str, ...]) -> str:
    return " ".join(map(shlex.quote, requirements))


def this_installation() -> Installation:
    """That of the running process."""
    distribution = _distribution()
    checkout = _editable_folder(distribution) if distribution else _folder_of_sources()
    if checkout is not None and not (checkout / _SET_UP_BY).exists():
        checkout = None
    return Installation(sys.executable, Path(sys.prefix), checkout, distribution)


def _distribution() -> importlib.metadata.Distribution | None:
    """The installed one, rather than the `.egg-info` that a build left in the current folder."""
    found = list(importlib.metadata.distributions(name=NAME))
    installed = [distribution for distribution in found if distribution.read_text("METADATA")]
    return next(iter(installed or found), None)


def _editable_folder(distribution: importlib.metadata.Distribution) -> Path | None:
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    if not origin.get("dir_info", {}).get("editable"):
        return None
    return Path(unquote(urlparse(origin["url"]).path))


def _folder_of_sources() -> Path:
    """Where the checkout would be if the package is imported from one."""
    return Path(str(ulmfit_tfx.__file__)).parents[1]
