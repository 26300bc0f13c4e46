"""Code of a user's own that a configuration names by import path, so that nobody has to fork: it is found and imported.

A module is looked for beside the configuration file, see `beside`, and where Python finds modules. Importing it runs
it, which is only done where a configuration names it.
"""

import difflib
import hashlib
import importlib
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

_IMPORT_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_NOT_RELOADED = ("ulmfit_tfx", "tfx", "tensorflow_model_analysis")
_READ = "__read_by_ulmfit_tfx__"
"""Attribute of an imported module: the digest of the source that it is of."""


def beside(folder: Path) -> None:
    """Lets modules of a folder be imported, for the rest of this process; others of the same name go before them.

    Processes that this one starts, such as workers of Beam, do not look there.
    """
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def imported(path: str) -> Any:
    """What an import path leads to, as its source is now: a module that was edited since it was imported is reloaded.

    Args:
        path: Such as `my_package.my_module.run_fn`.

    Raises:
        ValueError: It is no import path, or leads nowhere. The message goes on where the path ends.
    """
    if not _IMPORT_PATH.fullmatch(path):
        raise ValueError("is no import path, such as my_package.my_module.run_fn")
    module_name, _, name = path.rpartition(".")
    module = _module(module_name)
    if not hasattr(module, name):
        near = difflib.get_close_matches(name, dir(module), n=1)
        hint = f". Did you mean {module_name}.{near[0]}?" if near else ""
        where = f" ({file})" if (file := getattr(module, "__file__", None)) else ""
        raise ValueError(f"leads nowhere: module {module_name}{where} has no {name}{hint}")
    return getattr(module, name)


def _module(name: str) -> ModuleType:
    importlib.invalidate_caches()
    before = sys.modules.get(name)
    try:
        module = importlib.import_module(name)
        file = Path(getattr(module, "__file__", None) or "")
        if file.suffix == ".py" and name.partition(".")[0] not in _NOT_RELOADED:
            source = hashlib.sha256(file.read_bytes()).hexdigest()
            if before is not None and getattr(module, _READ, None) != source:
                module = importlib.reload(module)
            setattr(module, _READ, source)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise ValueError(
                f"leads nowhere: there is no module {error.name}, neither beside the configuration file nor where "
                "Python looks for modules"
            ) from None
        raise ValueError(f"cannot be imported: {error}") from None
    except Exception as error:
        what, *_ = str(error).splitlines() or [""]
        raise ValueError(f"cannot be imported: {type(error).__name__}: {what}") from error
    return module
