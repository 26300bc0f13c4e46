"""Which served model a run compares its own with."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ulmfit_tfx.components.served_versions import holds_model, version_in_service
from ulmfit_tfx.schemas.errors import UserError

BASELINES_FILE = "baselines.json"
"""In the state folder, `{directory: {digest: version}}`, "" for none."""

_REMEMBERED = TypeAdapter(dict[str, dict[str, str]])


def served_model(directory: str, digest: str, state_folder: Path) -> str:
    """The model version that was in service when a run of this digest first asked.

    A run that pushes a version changes what is in service. Run again, it is still compared with the same version, and
    so found in the cache.

    Args:
        directory: Where models are pushed to, local or remote, each version a folder named by a number.
        digest: Of all that the run's outputs follow from, but not of what it is compared with.
        state_folder: Where the answers are remembered.

    Returns:
        Folder of the version. "" where there is none, or was none then. Where the one that is remembered has been
        removed, the one in service now.

    Raises:
        UserError: The file in `state_folder` is damaged, or the one that says which version is in service.
    """
    directory = directory.rstrip("/")
    file = state_folder / BASELINES_FILE
    remembered = _read(file)
    by_digest = remembered.setdefault(directory, {})
    version = by_digest.get(digest)
    if version is None or (version and not holds_model(f"{directory}/{version}")):
        version = by_digest[digest] = version_in_service(directory)
        _write(file, remembered)
    return f"{directory}/{version}" if version else ""


def _read(file: Path) -> dict[str, dict[str, str]]:
    try:
        return _REMEMBERED.validate_json(file.read_bytes())
    except FileNotFoundError:
        return {}
    except ValidationError:
        raise UserError(
            f"{file}: is damaged. Remove it: it only remembers which model in service an earlier run was compared with."
        ) from None


def _write(file: Path, remembered: Mapping[str, Mapping[str, str]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(remembered, indent=2), encoding="utf-8")
    unfinished.replace(file)
