"""What ML Metadata knows of the runs in a folder: who wrote what from what. Needs neither TFX nor TensorFlow."""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from ml_metadata import errors
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from ulmfit_tfx.schemas.errors import UserError

_SQLITE = b"SQLite format 3\0"
SERVED = "served"
"""Parameter of stages that read a served model, `component_specs.SERVED`: the name is there beside imports of TFX."""


@dataclasses.dataclass(frozen=True)
class Execution:
    """A stage of a run, executed or taken from cache.

    Attributes:
        id: In ML Metadata. Ids rise with time.
        pipeline: Name of the pipeline.
        run: Of which it is a stage; "" where none is named.
        stage: The node's id.
        succeeded: Whether it came to its end, or was taken from cache.
        time: When it last changed, in seconds since 1970.
        reads: Ids of the artifacts that it took.
        gives: Ids of the artifacts that it wrote, or of those that were taken in their place.
        served: Folder of the served model that it reads; "" for none.
        blessed: Whether it blessed a model.
        pushed: Folder of the version that it pushed; "" for none.
    """

    id: int
    pipeline: str
    run: str
    stage: str
    succeeded: bool
    time: float
    reads: frozenset[int]
    gives: frozenset[int]
    served: str
    blessed: bool
    pushed: str


Run = tuple[Execution, ...]
"""The stages of a run, in order. It has finished if all have succeeded."""


class History:
    """Executions of all runs in a folder.

    Attributes:
        executions: By id, the newest last.
        runs: The newest last.
        deleted: Ids of the artifacts of which a cleaning has noted that they are no more.
    """

    def __init__(self, executions: Iterable[Execution] = (), deleted: Collection[int] = ()):
        """Takes executions in any order."""
        self.executions = {execution.id: execution for execution in sorted(executions, key=lambda each: each.id)}
        self.deleted = set(deleted)
        self._writers: dict[int, int] = {}
        runs: dict[tuple[str, str], list[Execution]] = {}
        for execution in self.executions.values():
            runs.setdefault((execution.pipeline, execution.run), []).append(execution)
            for artifact in execution.gives:
                self._writers.setdefault(artifact, execution.id)
        self.runs: list[Run] = [tuple(run) for run in runs.values()]

    def written_by(self, execution: Execution) -> list[int]:
        """Ids of the artifacts that an execution wrote itself."""
        return [artifact for artifact in execution.gives if self._writers[artifact] == execution.id]

    def used_by(self, run: Run) -> set[int]:
        """Ids of a run's executions, of those that wrote what these took or gave, and so on to the beginning."""
        found: set[int] = set()
        waiting = [execution.id for execution in run]
        while waiting:
            if (execution_id := waiting.pop()) not in found:
                found.add(execution_id)
                execution = self.executions[execution_id]
                artifacts = execution.reads | execution.gives
                waiting += [self._writers[artifact] for artifact in artifacts if artifact in self._writers]
        return found


def read_history(database: Path) -> History:
    """Reads ML Metadata, and changes nothing there.

    Args:
        database: Its SQLite file.

    Raises:
        UserError: It cannot be read, or is none.
    """
    try:
        with database.open("rb") as file:
            is_database = file.read(len(_SQLITE)) == _SQLITE
    except OSError as error:
        raise UserError(f"{database}: cannot be read: {error.strerror}.") from None
    if not is_database:
        raise UserError(
            f"{database}: is no SQLite database. Was a run killed when it had just begun, or the file damaged? "
            "The next run writes it anew once it has been removed; no stage comes from cache then."
        )
    try:
        store = _store(database, mlmd.SqliteMetadataSourceConfig.READONLY)
        artifacts = {artifact.id: artifact for artifact in store.get_artifacts()}
        deleted = [artifact.id for artifact in artifacts.values() if artifact.state == mlmd.Artifact.DELETED]
        return History(_executions(store, artifacts), deleted)
    except (errors.StatusError, RuntimeError) as error:
        raise _unreadable(database, error) from None


def mark_deleted(database: Path, artifacts: Collection[int]) -> None:
    """Notes that artifacts are no more: TFX's cache gives only what is live, so that a rerun writes them anew.

    Raises:
        UserError: The database cannot be written.
    """
    if not artifacts:
        return
    try:
        store = _store(database, mlmd.SqliteMetadataSourceConfig.READWRITE)
        found = store.get_artifacts_by_id(list(artifacts))
        for artifact in found:
            artifact.state = mlmd.Artifact.DELETED
        store.put_artifacts(found)
    except (errors.StatusError, RuntimeError) as error:
        raise _unreadable(database, error) from None


def _store(database: Path, mode: int) -> metadata_store.MetadataStore:
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(database)
    config.sqlite.connection_mode = mode
    return metadata_store.MetadataStore(config)


def _executions(store: metadata_store.MetadataStore, artifacts: Mapping[int, mlmd.Artifact]) -> Iterator[Execution]:
    found = store.get_executions()
    linked: dict[tuple[int, int], set[int]] = {}
    for event in store.get_events_by_execution_ids([execution.id for execution in found]):
        linked.setdefault((event.execution_id, event.type), set()).add(event.artifact_id)
    for execution in found:
        contexts = {context.type: context.name for context in store.get_contexts_by_execution(execution.id)}
        pipeline = contexts.get("pipeline", "")
        gives = frozenset(linked.get((execution.id, mlmd.Event.OUTPUT), ()))
        noted = {artifacts[each].type: artifacts[each].custom_properties for each in gives}
        blessing, push = noted.get("ModelBlessing", {}), noted.get("PushedModel", {})
        is_pushed = "pushed" in push and push["pushed"].int_value == 1
        yield Execution(
            id=execution.id,
            pipeline=pipeline,
            run=contexts.get("pipeline_run", ""),
            stage=contexts.get("node", "").removeprefix(f"{pipeline}."),
            succeeded=execution.last_known_state in (mlmd.Execution.COMPLETE, mlmd.Execution.CACHED),
            time=execution.last_update_time_since_epoch / 1000,
            reads=frozenset(linked.get((execution.id, mlmd.Event.INPUT), ())),
            gives=gives,
            served=execution.custom_properties[SERVED].string_value if SERVED in execution.custom_properties else "",
            blessed="blessed" in blessing and blessing["blessed"].int_value == 1,
            pushed=push["pushed_destination"].string_value if is_pushed else "",
        )


def _unreadable(database: Path, error: Exception) -> UserError:
    reason = str(error).strip().splitlines()[0].rstrip(".")
    return UserError(
        f"{database}: ML Metadata cannot use it: {reason}. Is it damaged or read-only, or was it written by another "
        "version of TFX?"
    )
