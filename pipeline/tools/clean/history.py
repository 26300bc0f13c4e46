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


@dataclasses.dataclass(frozen=True)
class Artifact:
    """An output of a stage.

    Attributes:
        id: In ML Metadata.
        type: Name of its type, such as `ModelBlessing`.
        is_live: Whether the cache may give it.
        properties: Numbers and strings that the stage noted of it.
    """

    id: int
    type: str
    is_live: bool
    properties: Mapping[str, int | str]


class History:
    """Executions and artifacts of all runs in a folder."""

    def __init__(self, executions: Iterable[Execution], artifacts: Iterable[Artifact]):
        """Takes them in any order."""
        self.executions = {execution.id: execution for execution in sorted(executions, key=lambda each: each.id)}
        self.artifacts = {artifact.id: artifact for artifact in artifacts}
        self._writers: dict[int, int] = {}
        for execution in self.executions.values():
            for artifact_id in execution.gives:
                self._writers.setdefault(artifact_id, execution.id)

    def written_by(self, execution: Execution) -> list[Artifact]:
        """The artifacts that an execution wrote itself."""
        return [self.artifacts[each] for each in execution.gives if self._writers[each] == execution.id]

    def last_use(self) -> dict[int, float]:
        """When a run last took or gave what an execution wrote, by execution."""
        times: dict[int, float] = {}
        for execution in self.executions.values():
            for artifact_id in execution.reads | execution.gives:
                if (writer := self._writers.get(artifact_id)) is not None:
                    times[writer] = max(times.get(writer, 0.0), execution.time)
        return times

    def origins(self, executions: Iterable[Execution]) -> set[int]:
        """Ids of executions, of those that wrote what they took or gave, and so on to the beginning."""
        found: set[int] = set()
        waiting = [execution.id for execution in executions]
        while waiting:
            if (execution_id := waiting.pop()) not in found:
                found.add(execution_id)
                execution = self.executions[execution_id]
                artifacts = execution.reads | execution.gives
                waiting += [self._writers[artifact] for artifact in artifacts if artifact in self._writers]
        return found

    def runs(self) -> dict[tuple[str, str], list[Execution]]:
        """Executions of each run, by pipeline and run, the newest run last."""
        runs: dict[tuple[str, str], list[Execution]] = {}
        for execution in self.executions.values():
            runs.setdefault((execution.pipeline, execution.run), []).append(execution)
        return runs

    def giving(self, artifact_type: str) -> Iterator[tuple[Execution, Artifact]]:
        """Executions that gave an artifact of a type, with it, the newest first."""
        for execution in reversed(self.executions.values()):
            for artifact_id in execution.gives:
                if self.artifacts[artifact_id].type == artifact_type:
                    yield execution, self.artifacts[artifact_id]


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
        return History(_executions(store), [_artifact(each) for each in store.get_artifacts()])
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


def _executions(store: metadata_store.MetadataStore) -> Iterator[Execution]:
    found = store.get_executions()
    reads: dict[int, set[int]] = {execution.id: set() for execution in found}
    gives: dict[int, set[int]] = {execution.id: set() for execution in found}
    for event in store.get_events_by_execution_ids(list(reads)):
        if event.type == mlmd.Event.INPUT:
            reads[event.execution_id].add(event.artifact_id)
        elif event.type == mlmd.Event.OUTPUT:
            gives[event.execution_id].add(event.artifact_id)
    for execution in found:
        contexts = {context.type: context.name for context in store.get_contexts_by_execution(execution.id)}
        pipeline = contexts.get("pipeline", "")
        yield Execution(
            id=execution.id,
            pipeline=pipeline,
            run=contexts.get("pipeline_run", ""),
            stage=contexts.get("node", "").removeprefix(f"{pipeline}."),
            succeeded=execution.last_known_state in (mlmd.Execution.COMPLETE, mlmd.Execution.CACHED),
            time=execution.last_update_time_since_epoch / 1000,
            reads=frozenset(reads[execution.id]),
            gives=frozenset(gives[execution.id]),
            served=execution.custom_properties[SERVED].string_value if SERVED in execution.custom_properties else "",
        )


def _artifact(artifact: mlmd.Artifact) -> Artifact:
    values = {name: getattr(value, value.WhichOneof("value")) for name, value in artifact.custom_properties.items()}
    return Artifact(
        id=artifact.id,
        type=artifact.type,
        is_live=artifact.state == mlmd.Artifact.LIVE,
        properties={name: value for name, value in values.items() if isinstance(value, int | str)},
    )


def _unreadable(database: Path, error: Exception) -> UserError:
    reason = str(error).strip().splitlines()[0].rstrip(".")
    return UserError(
        f"{database}: ML Metadata cannot use it: {reason}. Is it damaged or read-only, or was it written by another "
        "version of TFX?"
    )
