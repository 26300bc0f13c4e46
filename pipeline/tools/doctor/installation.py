"""How the package was installed, and so which commands mend it."""

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
        version: Of the package, as the environment has noted it; None: it was not installed by pip or uv.
    """

    python: str
    prefix: Path
    checkout: Path | None
    version: str | None

    def renew(self) -> str:
        """The command that installs the package, and whatever it requires and is missing or of a wrong version.

        An environment that the checkout's `make setup` made is made anew from its lock.
        """
        made = self._made_by_make()
        if self.checkout is None:
            return self.pip("install", NAME)
        if made is None:
            return self.pip("install", "--editable", str(self.checkout))
        remove = f"rm -r {shlex.quote(str(self.checkout / made))}"
        if made == Path(".venv"):
            return f"{remove} && {self._make()}"
        if (self.checkout / ".venv").resolve() == self.prefix.resolve():
            return f"{remove} && LANE={made.name} {self._make()}"
        return f"{remove} && {shlex.quote(str(self.checkout / _SET_UP_BY))} {made.name}"  # a lane beside the one in use

    def mend(self, *commands: str) -> str:
        """Commands for an environment that pip keeps; one that `make setup` made is made anew in their place."""
        return self.renew() if self._made_by_make() else " && ".join(commands)

    def pip(self, *arguments: str) -> str:
        """A command of this environment's pip."""
        return shlex.join([self.python, "-m", "pip", *arguments])

    def extra(self, name: str) -> str:
        """The command that adds an extra of this package."""
        if self.checkout is not None:
            return self.pip("install", "--editable", f"{self.checkout}[{name}]")
        return self.pip("install", f"{NAME}[{name}]")

    def default_lane(self) -> str:
        """The command that makes an environment of the lane that installs on any Linux."""
        if self.checkout is not None:
            return f"LANE={DEFAULT.name} {self._make()}"
        return f"uv venv --seed --python 3.10 .venv && uv pip install --python .venv/bin/python {NAME}"

    def _make(self) -> str:
        return f"make -C {shlex.quote(str(self.checkout))} setup"

    def _made_by_make(self) -> Path | None:
        """The environment's path in the checkout, `.venv` or `.venvs/LANE`; None: it is another one."""
        if self.checkout is None or not self.prefix.resolve().is_relative_to(self.checkout.resolve()):
            return None
        path = self.prefix.resolve().relative_to(self.checkout.resolve())
        return path if path == Path(".venv") or path.parent == Path(".venvs") else None


def this_installation() -> Installation:
    """That of the running process."""
    found = list(importlib.metadata.distributions(name=NAME))
    # Rather the installed one than the `.egg-info` that a build left in the current folder.
    distribution = next(iter([one for one in found if one.read_text("METADATA")] or found), None)
    if distribution is None:
        checkout: Path | None = Path(str(ulmfit_tfx.__file__)).parents[1]
    else:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        editable = origin.get("dir_info", {}).get("editable")
        checkout = Path(unquote(urlparse(origin["url"]).path)) if editable else None
    if checkout is not None and not (checkout / _SET_UP_BY).exists():
        checkout = None
    return Installation(sys.executable, Path(sys.prefix), checkout, distribution.version if distribution else None)
