"""What stays whatever the rules, and why: what is in service with its origins, what a rerun takes from cache."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ulmfit_tfx.pipeline.tools.clean.history import Execution, History

MADE_SERVED = "made the model in service"
MADE_BLESSED = "made the newest blessed model"
NEWEST_RUN = "of the newest finished run"
UNFINISHED_RUN = "of a run that goes on from it"
READ_BY_NEWEST_RUN = "read by the newest finished run"

Standings = Callable[[str], Mapping[str, str]]
"""Of a folder of versions, local or remote: why versions stay, by name."""


@dataclasses.dataclass(frozen=True)
class Needs:
    """What is needed.

    Attributes:
        executions: Why the outputs of an execution are, by its id.
        versions: Why a served version is, by its folder.
        finished: When a run last came to its end, in seconds since 1970; None where none has.
    """

    executions: Mapping[int, str]
    versions: Mapping[Path, str]
    finished: float | None


def needs_of(history: History, serving: Path, standings: Standings) -> Needs:
    """Finds what is needed.

    Args:
        history: Of the run folder.
        serving: Where it has the versions of its models; a model that was pushed before the folder was moved is there.
        standings: Asked of each folder that models were pushed to.
    """
    finished = _newest_finished(history)
    reasons: dict[int, str] = {}
    for reason, executions in (
        (MADE_SERVED, list(_pushes_in_service(history, serving, standings))),
        (MADE_BLESSED, list(_newest_blessings(history))),
        (NEWEST_RUN, [execution for run in finished for execution in run]),
        (UNFINISHED_RUN, list(_unfinished(history, finished))),
    ):
        for execution_id in history.origins(executions):
            reasons.setdefault(execution_id, reason)
    read = {Path(execution.served): READ_BY_NEWEST_RUN for run in finished for execution in run if execution.served}
    return Needs(reasons, read, max((execution.time for run in finished for execution in run), default=None))


def _newest_finished(history: History) -> list[list[Execution]]:
    """Of each pipeline the newest run all whose stages succeeded; apart for those that end at another stage.

    A search for a learning rate has the stages of its pipeline up to the finder and must not pass for a newer run of
    it. Nor must one that was killed between two stages, of which ML Metadata knows no failure.
    """
    newest: dict[tuple[str, str], list[Execution]] = {}
    for (pipeline, _), executions in history.runs().items():
        if all(execution.succeeded for execution in executions):
            newest[pipeline, executions[-1].stage] = executions
    return list(newest.values())


def _unfinished(history: History, finished: list[list[Execution]]) -> Iterator[Execution]:
    """Of each pipeline the newest run that failed or was killed, if none of it has finished since."""
    last = {run[-1].pipeline: 0 for run in history.runs().values()}
    for run in finished:
        last[run[-1].pipeline] = max(last[run[-1].pipeline], run[-1].id)
    newest: dict[str, list[Execution]] = {}
    for (pipeline, _), executions in history.runs().items():
        if not all(execution.succeeded for execution in executions) and executions[-1].id > last[pipeline]:
            newest[pipeline] = executions
    for executions in newest.values():
        yield from executions


def _newest_blessings(history: History) -> Iterator[Execution]:
    """Of each stage that blesses the newest execution that did."""
    seen = set()
    for execution, blessing in history.giving("ModelBlessing"):
        stage = execution.pipeline, execution.stage
        if blessing.properties.get("blessed") == 1 and stage not in seen:
            seen.add(stage)
            yield execution


def _pushes_in_service(history: History, serving: Path, standings: Standings) -> Iterator[Execution]:
    """The newest push of each version that is in service or pinned, wherever it was pushed to."""
    by_folder: dict[str, Mapping[str, str]] = {}
    seen = set()
    for execution, pushed in history.giving("PushedModel"):
        if pushed.properties.get("pushed") != 1:
            continue
        folder, _, version = str(pushed.properties["pushed_destination"]).rpartition("/")
        folder = _folder_now(folder, serving)
        if folder not in by_folder:
            by_folder[folder] = standings(folder)
        if version in by_folder[folder] and (folder, version) not in seen:
            seen.add((folder, version))
            yield execution


def _folder_now(folder: str, serving: Path) -> str:
    moved = serving / Path(folder).name
    return str(moved) if "://" not in folder and not Path(folder).is_dir() and moved.is_dir() else folder
