"""Which runs stay as a whole, with all that they took from earlier ones, and why."""

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from ulmfit_tfx.pipeline.tools.clean.history import History, Run
from ulmfit_tfx.pipeline.tools.clean.rules import Rules
from ulmfit_tfx.schemas.remote_paths import is_remote

Standings = Callable[[str], Mapping[str, str]]
"""Of a folder of versions, local or remote: why versions stay, by name."""


@dataclasses.dataclass(frozen=True)
class Kept:
    """What runs that stay need.

    Attributes:
        executions: Why the outputs of an execution stay, by its id.
        versions: Why a served version does, by its folder.
        finished: When a run last came to its end, in seconds since 1970; None where none has.
    """

    executions: Mapping[int, str]
    versions: Mapping[Path, str]
    finished: float | None


def kept_runs(history: History, serving: Path, standings: Standings, rules: Rules, now: float) -> Kept:
    """Finds the runs that are needed, and those that the rules let stay.

    Args:
        history: Of the run folder.
        serving: Where it has the versions of its models; a model that was pushed before the folder was moved is there.
        standings: Asked of each folder that models were pushed to.
        rules: For runs that are not needed.
        now: In seconds since 1970.
    """
    finished = _finished(history)
    newest = [group[-1] for group in finished]
    reasons: dict[int, str] = {}
    for reason, runs in (
        ("made the model in service", _in_service(history, serving, standings)),
        ("made the newest blessed model", _blessed(history)),
        ("of the newest finished run", newest),
        ("of a run that goes on from it", _unfinished(history, newest)),
        (f"of the newest {rules.keep} runs", [run for group in finished for run in group[::-1][: rules.keep or 0]]),
        (rules.within, [run for run in history.runs if rules.is_young(_time(run), now)]),
    ):
        for run in runs:
            for execution_id in history.used_by(run):
                reasons.setdefault(execution_id, reason)
    read = {Path(stage.served): "read by the newest finished run" for run in newest for stage in run if stage.served}
    return Kept(reasons, read, max(map(_time, newest), default=None))


def _finished(history: History) -> list[list[Run]]:
    """Runs all whose stages succeeded: of each pipeline, and apart of those that end at another stage.

    A search for a learning rate has the stages of its pipeline up to the finder and must not pass for a newer run of
    it. Nor must one that was killed between two stages, of which ML Metadata knows no failure.
    """
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in history.runs:
        if all(stage.succeeded for stage in run):
            groups.setdefault((run[0].pipeline, run[-1].stage), []).append(run)
    return list(groups.values())


def _unfinished(history: History, newest: list[Run]) -> list[Run]:
    """Of each pipeline the newest run that failed or was killed, if none of it has finished since."""
    last = {run[0].pipeline: run for run in history.runs if run in newest or not all(stage.succeeded for stage in run)}
    return [run for run in last.values() if run not in newest]


def _blessed(history: History) -> Collection[Run]:
    """Of each stage that blesses the newest run in which it did."""
    return {(stage.pipeline, stage.stage): run for run in history.runs for stage in run if stage.blessed}.values()


def _in_service(history: History, serving: Path, standings: Standings) -> Iterator[Run]:
    """The newest run that pushed a version that is in service or pinned, wherever it was pushed to."""
    pushes = {stage.pushed: run for run in history.runs for stage in run if stage.pushed}
    for pushed, run in pushes.items():
        folder, _, version = pushed.rpartition("/")
        moved = serving / Path(folder).name
        if not is_remote(folder) and not Path(folder).is_dir() and moved.is_dir():
            folder = str(moved)
        if version in standings(folder):
            yield run


def _time(run: Run) -> float:
    return max(stage.time for stage in run)
