"""Artifacts on disk: what each execution wrote, with the working files that TFX left of it."""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

from ulmfit_tfx.pipeline.tools.clean import disk
from ulmfit_tfx.pipeline.tools.clean.history import Execution, History
from ulmfit_tfx.pipeline.tools.clean.item import Item

_SYSTEM = ".system"
_WORKING_FOLDERS = f"{_SYSTEM}/stateful_working_dir"


def artifact_items(root: Path, history: History, needed: Mapping[int, str]) -> Iterator[Item]:
    """What executions wrote.

    Paths are those of TFX's layout, never those that ML Metadata names: these may lie anywhere.

        root/STAGE/KEY/EXECUTION                        an output
        root/STAGE/.system/executor_execution/EXECUTION
        root/STAGE/.system/stateful_working_dir/UUID    of a stage that failed or was killed

    Args:
        root: The pipeline root.
        history: Of its runs.
        needed: Why what an execution wrote is needed, by its id.
    """
    last_use = history.last_use()
    several = len({execution.pipeline for execution in history.executions.values()}) > 1
    for stage in disk.subfolders(root):
        for execution_id, paths in _by_execution(stage).items():
            execution = history.executions.get(execution_id)
            if execution is None or execution.stage != stage.name:
                yield _left_over(stage.name, str(execution_id), paths)
                continue
            written = history.written_by(execution)
            yield Item(
                kind="artifacts",
                of=f"{execution.pipeline}.{execution.stage}" if several else execution.stage,
                name=str(execution_id),
                paths=tuple(paths),
                last_used=last_use.get(execution_id, execution.time),
                order=(last_use.get(execution_id, execution.time), execution_id),
                size=sum(map(disk.size, paths)),
                needed=needed.get(execution_id, ""),
                counted=execution.succeeded,
                half_removed=_is_half_removed(execution_id, history, needed),
                artifacts=tuple(artifact.id for artifact in written),
            )
        for path in disk.subfolders(stage / _WORKING_FOLDERS):
            yield _left_over(stage.name, f"working folder {disk.original_name(path)[:8]}", [path])


def _by_execution(stage: Path) -> dict[int, list[Path]]:
    """Folders of each execution of a stage."""
    found: dict[int, list[Path]] = {}
    system = disk.subfolders(stage / _SYSTEM / "executor_execution")
    outputs = (disk.subfolders(key) for key in disk.subfolders(stage) if key.name != _SYSTEM)
    for path in itertools.chain(*outputs, system):
        name = disk.original_name(path)
        if name.isascii() and name.isdecimal():
            found.setdefault(int(name), []).append(path)
    return found


def _is_half_removed(execution_id: int, history: History, needed: Mapping[int, str]) -> bool:
    written = history.written_by(history.executions[execution_id])
    return bool(written) and not any(artifact.is_live for artifact in written) and execution_id not in needed


def _left_over(stage: str, name: str, paths: list[Path]) -> Item:
    """What ML Metadata knows nothing of, so that no run can ever take it."""
    written = max(map(disk.last_written, paths))
    return Item(
        kind="artifacts",
        of=stage,
        name=name,
        paths=tuple(paths),
        last_used=written,
        order=(written, 0),
        size=sum(map(disk.size, paths)),
        counted=False,
        half_removed=any(map(disk.is_set_aside, paths)),
    )


def executions_of(items: list[Item], history: History) -> list[Execution]:
    """Executions that wrote the artifacts among items."""
    ids = [int(item.name) for item in items if item.kind == "artifacts" and item.artifacts]
    return [history.executions[execution_id] for execution_id in ids]
