"""What lies in a folder of runs, as things that go as a whole or stay."""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ulmfit_tfx.pipeline.run_log import silence_libraries
from ulmfit_tfx.pipeline.tools.clean import disk
from ulmfit_tfx.pipeline.tools.clean.history import History
from ulmfit_tfx.pipeline.tools.clean.kept_runs import Kept
from ulmfit_tfx.pipeline.tools.clean.places import is_number, is_version
from ulmfit_tfx.pipeline.tools.clean.rules import Item, Kind
from ulmfit_tfx.schemas.remote_paths import is_remote

IN_SERVICE = "in service"
PINNED = "pinned"
_GOES_ON = "a killed training goes on from it"
_CORPORA = "corpora-"
"""Before the names of copies of the inputs, see `trainer_modules.run_identity`."""
_SYSTEM = ".system"


def artifact_items(root: Path, history: History, kept: Kept) -> Iterator[Item]:
    """What executions wrote.

    Paths are those of TFX's layout, never those that ML Metadata names: these may lie anywhere.

        root/STAGE/KEY/EXECUTION                        an output
        root/STAGE/.system/executor_execution/EXECUTION
        root/STAGE/.system/stateful_working_dir/UUID    of a stage that failed or was killed

    Args:
        root: The pipeline root.
        history: Of its runs.
        kept: Why executions stay.
    """
    several = len({execution.pipeline for execution in history.executions.values()}) > 1
    last_use = {each: max(stage.time for stage in run) for run in history.runs for each in history.used_by(run)}
    for stage in disk.subfolders(root):
        for execution_id, paths in sorted(_by_execution(stage).items()):
            execution = history.executions.get(execution_id)
            if execution is None or execution.stage != stage.name:  # no run can ever take it
                yield _item("artifacts", stage.name, paths, counted=False)
                continue
            written, needed = history.written_by(execution), kept.executions.get(execution_id, "")
            item = _item("artifacts", execution.stage, paths, needed, counted=False)  # what counts is runs
            yield dataclasses.replace(
                item,
                of=f"{execution.pipeline}.{execution.stage}" if several else execution.stage,
                last_used=last_use[execution_id],
                half_removed=item.half_removed or bool(history.deleted.intersection(written)),
                artifacts=tuple(written),
            )
        for path in disk.subfolders(stage / _SYSTEM / "stateful_working_dir"):
            item = _item("artifacts", stage.name, [path], counted=False)
            yield dataclasses.replace(item, name=f"working folder {item.name[:8]}")


def _by_execution(stage: Path) -> dict[int, list[Path]]:
    """Folders of each execution of a stage."""
    found: dict[int, list[Path]] = {}
    system = disk.subfolders(stage / _SYSTEM / "executor_execution")
    outputs = (disk.subfolders(key) for key in disk.subfolders(stage) if key.name != _SYSTEM)
    for path in itertools.chain(*outputs, system):
        if is_number(disk.original_name(path)):
            found.setdefault(int(disk.original_name(path)), []).append(path)
    return found


def checkpoint_items(folder: Path, finished: float | None) -> Iterator[Item]:
    """Checkpoints of trainings that did not come to their end, and copies of corpora that trainings share.

    A training removes its own when it is done. What was written since a run last finished is of a training that was
    killed since, and needed.

    Args:
        folder: Of all checkpoints.
        finished: When a run last came to its end, in seconds since 1970; None where none has.
    """
    for path in sorted(disk.subfolders(folder), key=disk.last_written):
        of = "corpora" if disk.original_name(path).startswith(_CORPORA) else "trainings"
        goes_on = finished is None or disk.last_written(path) > finished
        yield _item("checkpoints", of, [path], _GOES_ON if goes_on else "")


def version_items(folder: Path, needed: Mapping[str, str], read: Mapping[Path, str]) -> Iterator[Item]:
    """Versions of a model. Numbered folders without a model are left alone: one may just be copied there.

    Args:
        folder: Of the served model.
        needed: Why versions stay, by name.
        read: Why else they do, by folder.
    """
    numbered = [path for path in disk.subfolders(folder) if is_number(disk.original_name(path))]
    for path in sorted(numbered, key=lambda path: int(disk.original_name(path))):
        if is_version(path) or disk.is_set_aside(path):
            yield _item("versions", folder.name, [path], needed.get(path.name, "") or read.get(path, ""))


def file_items(kind: Kind, folder: Path, pattern: str) -> Iterator[Item]:
    """Logs of runs, or predictions."""
    for path in sorted(disk.files(folder, pattern), key=disk.last_written):
        yield _item(kind, "", [path])


def _item(kind: Kind, of: str, paths: Sequence[Path], needed: str = "", counted: bool = True) -> Item:
    return Item(
        kind=kind,
        of=of,
        name=disk.original_name(paths[0]),
        paths=tuple(paths),
        last_used=max(map(disk.last_written, paths)),
        size=sum(map(disk.size, paths)),
        needed=needed,
        counted=counted,
        half_removed=any(map(disk.is_set_aside, paths)),
    )


def standings(folder: str) -> Mapping[str, str]:
    """Why versions stay in any case, by name: pinned ones, and the one in service.

    Imports TensorFlow, unless the folder is a local one that is not there.

    Args:
        folder: Of a served model, local or remote. It need not be there.

    Raises:
        UserError: models.config is damaged, or TensorFlow has no file system for the folder.
    """
    if not is_remote(folder) and not Path(folder).is_dir():
        return {}
    silence_libraries()
    from ulmfit_tfx.components.served_versions import pinned_versions, version_in_service

    found = dict.fromkeys(pinned_versions(folder), PINNED)
    if in_service := version_in_service(folder):
        found[in_service] = IN_SERVICE
    return found
