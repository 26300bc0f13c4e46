"""What a cleaning would remove, and what it would leave for which reason."""

import dataclasses
from collections.abc import Collection, Iterator

from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.pipeline.tools.clean import disk
from ulmfit_tfx.pipeline.tools.clean.artifacts import artifact_items, executions_of
from ulmfit_tfx.pipeline.tools.clean.checkpoints import checkpoint_items
from ulmfit_tfx.pipeline.tools.clean.history import History, read_history
from ulmfit_tfx.pipeline.tools.clean.item import Item, Kind
from ulmfit_tfx.pipeline.tools.clean.loose_files import file_items
from ulmfit_tfx.pipeline.tools.clean.needs import Needs, needs_of
from ulmfit_tfx.pipeline.tools.clean.places import Place
from ulmfit_tfx.pipeline.tools.clean.rules import Rules, Verdict, judged
from ulmfit_tfx.pipeline.tools.clean.versions import standings, version_items

MADE_WHAT_STAYS = "made what stays"


def plan(place: Place, kinds: Collection[Kind], rules: Rules, now: float) -> list[Verdict]:
    """What becomes of each thing in a folder. Changes nothing.

    Args:
        place: The folder.
        kinds: What is looked at.
        rules: For what is not needed.
        now: In seconds since 1970.

    Raises:
        UserError: ML Metadata's database or a models.config cannot be read.
    """
    if not place.folder.metadata.is_file():
        assert place.served is not None
        return judged(version_items(place.served, standings(str(place.served)), {}), rules, now)
    history = read_history(place.folder.metadata)
    needs = needs_of(history, place.folder.serving, standings)
    if place.served is not None:
        return judged(version_items(place.served, standings(str(place.served)), needs.versions), rules, now)
    found = _items(place.folder, history, needs, kinds)
    return _with_origins(judged(found, rules, now), history)


def _items(folder: RunFolder, history: History, needs: Needs, kinds: Collection[Kind]) -> Iterator[Item]:
    if "artifacts" in kinds:
        yield from artifact_items(folder.artifacts, history, needs.executions)
    if "checkpoints" in kinds:
        yield from checkpoint_items(folder.checkpoints, needs.finished)
    if "versions" in kinds:
        for model in disk.subfolders(folder.serving):
            yield from version_items(model, standings(str(model)), needs.versions)
    if "logs" in kinds:
        yield from file_items("logs", folder.logs, "*.log")
    if "predictions" in kinds:
        yield from file_items("predictions", folder.predictions, "*.jsonl")


def _with_origins(verdicts: list[Verdict], history: History) -> list[Verdict]:
    """Lets stay what something that stays was made from: without it the cache could not give what stays."""
    stay = executions_of([verdict.item for verdict in verdicts if not verdict.goes], history)
    origins = history.origins(stay)
    ids = {str(execution_id) for execution_id in origins}
    return [
        dataclasses.replace(verdict, goes=False, reason=MADE_WHAT_STAYS)
        if verdict.goes
        and verdict.item.kind == "artifacts"
        and verdict.item.artifacts
        and not verdict.item.half_removed
        and verdict.item.name in ids
        else verdict
        for verdict in verdicts
    ]
