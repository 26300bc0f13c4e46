"""Versions of served models."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from ulmfit_tfx.pipeline.run_log import silence_libraries
from ulmfit_tfx.pipeline.tools.clean import disk
from ulmfit_tfx.pipeline.tools.clean.item import Item

IN_SERVICE = "in service"
PINNED = "pinned"
_SAVED_MODEL = "saved_model.pb"


def standings(folder: str) -> dict[str, str]:
    """Why versions stay in any case, by name: pinned ones, and the one in service.

    Imports TensorFlow, unless the folder is a local one that is not there.

    Args:
        folder: Of a served model, local or remote. It need not be there.

    Raises:
        UserError: models.config is damaged, or TensorFlow has no file system for the folder.
    """
    if "://" not in folder and not Path(folder).is_dir():
        return {}
    silence_libraries()
    from ulmfit_tfx.components.served_versions import pinned_versions, version_in_service

    found = dict.fromkeys(pinned_versions(folder), PINNED)
    if in_service := version_in_service(folder):
        found[in_service] = IN_SERVICE
    return found


def version_items(folder: Path, standing: Mapping[str, str], read: Mapping[Path, str]) -> Iterator[Item]:
    """Versions of a model. Numbered folders without a model are left alone: one may just be copied there.

    Args:
        folder: Of the served model.
        standing: Why versions stay, by name.
        read: Why else they do, by folder.
    """
    for path in disk.subfolders(folder):
        name = disk.original_name(path)
        if not is_version(path) and not (disk.is_set_aside(path) and name.isdecimal()):
            continue
        model = path / _SAVED_MODEL
        pushed = model.lstat().st_mtime if model.exists() else disk.last_written(path)
        yield Item(
            kind="versions",
            of=folder.name,
            name=name,
            paths=(path,),
            last_used=pushed,
            order=(int(name),),
            size=disk.size(path),
            needed=standing.get(name, "") or read.get(path, ""),
            half_removed=disk.is_set_aside(path),
        )


def is_version(folder: Path) -> bool:
    """Whether a folder is a version of a model."""
    return folder.name.isascii() and folder.name.isdecimal() and (folder / _SAVED_MODEL).is_file()
