"""Folders of runs as `ulmfit-tfx run` leaves them, in milliseconds: real ML Metadata, small files of no content."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

DAY = 86_400
STAGES = {
    "CorpusIngest": ((), "examples", "Examples"),
    "Trainer": (("CorpusIngest",), "model", "Model"),
    "TaskEvaluator": (("CorpusIngest", "Trainer"), "blessing", "ModelBlessing"),
    "Pusher": (("Trainer", "TaskEvaluator"), "pushed_model", "PushedModel"),
}
"""Of each stage: those it reads from, its output and the output's type."""
_CONTEXTS = ("pipeline", "pipeline_run", "node")
_STATES = mlmd.Execution


class RunFolderWriter:
    """Writes runs into a folder, each with the stages of `STAGES`.

    Attributes:
        root: Of the runs.
        name: Of the pipeline.
    """

    def __init__(self, root: Path, name: str = "reviews"):
        self.root, self.name = root, name
        root.mkdir(parents=True, exist_ok=True)
        config = mlmd.ConnectionConfig()
        config.sqlite.filename_uri = str(root / "metadata.sqlite")
        config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self.store = metadata_store.MetadataStore(config)
        self._types = {
            **{stage: self.store.put_execution_type(mlmd.ExecutionType(name=stage)) for stage in STAGES},
            **{kind: self.store.put_artifact_type(mlmd.ArtifactType(name=kind)) for _, _, kind in STAGES.values()},
            **{kind: self.store.put_context_type(mlmd.ContextType(name=kind)) for kind in _CONTEXTS},
        }
        self._given: dict[str, mlmd.Artifact] = {}
        self._runs = 0

    def run(
        self,
        days_ago: float = 0,
        *,
        cached: Collection[str] = (),
        blessed: bool = True,
        pushed: str = "",
        until: str = "Pusher",
        ends: int = _STATES.COMPLETE,
        served: str = "",
        serving: Path | None = None,
    ) -> dict[str, int]:
        """Adds a run.

        Args:
            days_ago: When it was.
            cached: Stages that come from cache.
            blessed: Whether the model is.
            pushed: The version that it becomes; "" for none.
            until: The last stage.
            ends: State of the last stage's execution.
            served: The served model that the first stage reads.
            serving: Folder of the versions, if not the run folder's own.

        Returns:
            Ids of the executions, by stage.
        """
        self._runs += 1
        ids = {}
        for stage, (sources, key, _) in STAGES.items():
            properties = {"blessed": int(blessed)} if stage == "TaskEvaluator" else {}
            if stage == "Pusher":
                folder = serving or self.root / "serving" / self.name
                properties = {"pushed": int(bool(pushed)), "pushed_destination": f"{folder}/{pushed}"}
                if pushed:
                    self.version(pushed, days_ago, folder)
            state = _STATES.CACHED if stage in cached else ends if stage == until else _STATES.COMPLETE
            if state == _STATES.COMPLETE:
                self._given[stage] = self._artifact(stage, properties)
            linked = [(self._given[source], mlmd.Event.INPUT) for source in sources]
            if state in (_STATES.COMPLETE, _STATES.CACHED):
                linked.append((self._given[stage], mlmd.Event.OUTPUT))
            ids[stage] = self._execution(stage, state, served if not sources else "", linked)
            if state not in (_STATES.CACHED, _STATES.FAILED):
                self.output(stage, key, ids[stage], days_ago)
            if stage == until:
                break
        self._set_time(ids.values(), days_ago)
        return ids

    def output(self, stage: str, key: str, execution: int, days_ago: float = 0) -> Path:
        """Writes an output's files, and the folder that TFX leaves of an execution; returns the output's."""
        folder = self.root / "artifacts" / stage / key / str(execution)
        (folder / "Split-train").mkdir(parents=True)
        (folder / "Split-train" / "data").write_bytes(b"x" * 1000)
        left = self.root / "artifacts" / stage / ".system" / "executor_execution" / str(execution)
        left.mkdir(parents=True)
        touch(left, days_ago)
        return touch(folder, days_ago)

    def version(self, number: str, days_ago: float = 0, folder: Path | None = None) -> Path:
        """Writes a version of a served model."""
        version = (folder or self.root / "serving" / self.name) / number
        (version / "variables").mkdir(parents=True)
        (version / "variables" / "variables.index").write_bytes(b"x" * 500)
        (version / "saved_model.pb").write_bytes(b"x" * 500)
        return touch(version, days_ago)

    def checkpoint(self, name: str, days_ago: float = 0) -> Path:
        """Writes the checkpoint of a killed training."""
        folder = self.root / "checkpoints" / name / "step-3-0-3"
        folder.mkdir(parents=True)
        (folder / "state.json").write_text("{}")
        return touch(folder.parent, days_ago)

    def file(self, name: str, days_ago: float = 0) -> Path:
        """Writes a file, such as a log."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a line\n")
        return touch(path, days_ago)

    def states(self) -> dict[int, int]:
        """State of each artifact, by the execution that wrote it."""
        states = {artifact.id: artifact.state for artifact in self.store.get_artifacts()}
        events = self.store.get_events_by_artifact_ids(list(states))
        written: dict[int, int] = {}
        for event in sorted(events, key=lambda event: event.execution_id, reverse=True):
            if event.type == mlmd.Event.OUTPUT:
                written[event.artifact_id] = event.execution_id
        return {execution: states[artifact] for artifact, execution in written.items()}

    def _execution(
        self, stage: str, state: int, served: str, linked: Collection[tuple[mlmd.Artifact, "mlmd.Event.Type"]]
    ) -> int:
        execution = mlmd.Execution(type_id=self._types[stage], last_known_state=state)
        if served:
            execution.custom_properties["served"].string_value = served
        names = {"pipeline": self.name, "pipeline_run": f"run {self._runs}", "node": f"{self.name}.{stage}"}
        contexts = [mlmd.Context(type_id=self._types[kind], name=name) for kind, name in names.items()]
        path = mlmd.Event.Path(steps=[mlmd.Event.Path.Step(key="key")])
        events = [(artifact, mlmd.Event(type=kind, path=path)) for artifact, kind in linked]
        execution_id, artifact_ids, _ = self.store.put_execution(
            execution, events, contexts, reuse_context_if_already_exist=True
        )
        for (artifact, _), artifact_id in zip(events, artifact_ids, strict=True):
            artifact.id = artifact_id
        return execution_id

    def _artifact(self, stage: str, properties: Mapping[str, int | str]) -> mlmd.Artifact:
        _, key, kind = STAGES[stage]
        uri = str(self.root / "artifacts" / stage / key)
        artifact = mlmd.Artifact(type_id=self._types[kind], state=mlmd.Artifact.LIVE, uri=uri)
        for name, value in properties.items():
            if isinstance(value, int):
                artifact.custom_properties[name].int_value = value
            else:
                artifact.custom_properties[name].string_value = value
        return artifact

    def _set_time(self, executions: Iterable[int], days_ago: float) -> None:
        """Sets when executions ended, of which ML Metadata knows no other time than now."""
        milliseconds = int((time.time() - days_ago * DAY) * 1000)
        with contextlib.closing(sqlite3.connect(self.root / "metadata.sqlite")) as database, database:
            database.executemany(
                "UPDATE Execution SET last_update_time_since_epoch = ? WHERE id = ?",
                [(milliseconds, execution) for execution in executions],
            )


def touch(path: Path, days_ago: float) -> Path:
    """Sets the time of a file, or of all in a folder."""
    moment = time.time() - days_ago * DAY
    for each in [*path.rglob("*"), path]:
        os.utime(each, (moment, moment))
    return path
