"""Which folder `clean` was given: of runs, or of the versions of a served model."""

import dataclasses
from pathlib import Path

from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.pipeline.tools.clean import disk
from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.schemas.remote_paths import is_remote

_SAVED_MODEL = "saved_model.pb"
_EXAMPLE = "Give the folder of a run, such as runs/reviews, or that of a served model's versions."


@dataclasses.dataclass(frozen=True)
class Place:
    """A folder to be cleaned.

    Attributes:
        folder: Of the runs. Of a served model that lies outside one, the folder of its versions.
        served: The folder of versions, where nothing else is to be looked at.
    """

    folder: RunFolder
    served: Path | None = None


def find_place(given: str) -> Place:
    """What a folder is.

    Raises:
        ConfigError: It is neither a folder of runs nor one of versions.
    """
    if is_remote(given):
        raise ConfigError(
            f"{given}: is not on this machine. What is pushed there is removed by later pushes: push.keep_versions "
            "says how many versions stay."
        )
    path = Path(given).resolve()
    if not path.is_dir():
        raise ConfigError(f"{given}: {'is a file' if path.exists() else 'no such folder'}. {_EXAMPLE}")
    if _is_run_folder(path):
        return Place(RunFolder(path))
    if any(is_version(child) for child in disk.subfolders(path)):
        above = path.parent.parent
        return Place(RunFolder(above if _is_run_folder(above) else path), served=path)
    raise ConfigError(f"{given}: {_what_is_wrong(path)}")


def is_version(folder: Path) -> bool:
    """Whether a folder is a version of a model."""
    return is_number(folder.name) and (folder / _SAVED_MODEL).is_file()


def is_number(name: str) -> bool:
    """Whether a name is one of executions and versions."""
    return name.isascii() and name.isdecimal()


def _is_run_folder(path: Path) -> bool:
    return RunFolder(path).metadata.is_file()


def _what_is_wrong(path: Path) -> str:
    if is_version(path) or (path / _SAVED_MODEL).is_file():
        return f"is a model. {_EXAMPLE}"
    above = next((parent for parent in path.parents if _is_run_folder(parent)), None)
    if above is not None:
        return f"is a part of the folder of runs {above}. Give that one; --only says which kinds of things are removed."
    below = sorted(child.name for child in disk.subfolders(path) if _is_run_folder(child))
    if below:
        return f"holds folders of runs: {', '.join(below)}. Give one of them."
    if RunFolder(path).artifacts.is_dir():
        return (
            f"has artifacts and no {RunFolder(path).metadata.name}, which tells what they belong to. Are they of "
            "`ulmfit-tfx replay`, or was the file removed? No later run takes them from a cache without it: remove "
            "them by hand."
        )
    return f"holds no {RunFolder(path).metadata.name}, so no run has begun there. {_EXAMPLE}"
