"""A version of the code behind a component, for TFX's cache keys.

TFX hashes artifacts and parameters but not the code that an import path such as `run_fn` leads to. Components with such
code therefore take this version as a parameter: an upgraded package, or an edited checkout, runs again.
"""

import hashlib
from pathlib import Path

import ulmfit_tfx

# Imports flow one way, so the code behind a folder is that folder and those before it.
_SOURCES = (".py", ".j2", ".tsv")
IMPORT_ORDER = ("schemas", "transforms", "trainer_modules", "evaluation", "tasks", "components", "pipeline")


def code_version(folder: str) -> str:
    """Version of everything that code in a folder can run.

    Args:
        folder: One of `IMPORT_ORDER`.

    Returns:
        The package's version and a digest of the sources of this folder and of those it may import, `0.1.0+1f0c...`.
    """
    digest = hashlib.sha256()
    for name in IMPORT_ORDER[: IMPORT_ORDER.index(folder) + 1]:
        root = folder_of(name)
        for source in sorted(path for suffix in _SOURCES for path in root.rglob(f"*{suffix}")):
            digest.update(str(source.relative_to(root)).encode())
            digest.update(source.read_bytes())
    return f"{ulmfit_tfx.__version__}+{digest.hexdigest()[:12]}"


def folder_of(name: str) -> Path:
    """Folder on disk of `ulmfit_tfx.<name>`, also in an editable install where folders lie apart."""
    module = __import__(f"ulmfit_tfx.{name}", fromlist=["__file__"])
    return Path(str(module.__file__)).parent
