"""What a cleaning would remove, what it would leave for which reason, and the removal."""

import functools
from collections.abc import Callable, Collection, Iterator, Sequence

from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.pipeline.tools.clean import disk, items
from ulmfit_tfx.pipeline.tools.clean.history import History, mark_deleted, read_history
from ulmfit_tfx.pipeline.tools.clean.kept_runs import Kept, Standings, kept_runs
from ulmfit_tfx.pipeline.tools.clean.places import Place
from ulmfit_tfx.pipeline.tools.clean.rules import Item, Kind, Rules, judged


def plan(place: Place, kinds: Collection[Kind], rules: Rules, now: float) -> list[Item]:
    """What becomes of each thing in a folder. Changes nothing.

    Args:
        place: The folder.
        kinds: What is looked at.
        rules: For what is not needed.
        now: In seconds since 1970.

    Raises:
        UserError: ML Metadata's database or a models.config cannot be read.
    """
    folder, standings = place.folder, functools.cache(items.standings)
    history = read_history(folder.metadata) if folder.metadata.is_file() else History()
    kept = kept_runs(history, folder.serving, standings, rules, now)
    if place.served is not None:
        found = items.version_items(place.served, standings(str(place.served)), kept.versions)
    else:
        found = _items(folder, history, kept, standings, kinds)
    return judged(found, rules, now)


def _items(
    folder: RunFolder, history: History, kept: Kept, standings: Standings, kinds: Collection[Kind]
) -> Iterator[Item]:
    if "artifacts" in kinds:
        yield from items.artifact_items(folder.artifacts, history, kept)
    if "checkpoints" in kinds:
        yield from items.checkpoint_items(folder.checkpoints, kept.finished)
    if "versions" in kinds:
        for model in disk.subfolders(folder.serving):
            yield from items.version_items(model, standings(str(model)), kept.versions)
    if "logs" in kinds:
        yield from items.file_items("logs", folder.logs, "*.log")
    if "predictions" in kinds:
        yield from items.file_items("predictions", folder.predictions, "*.jsonl")


def remove(place: Place, going: Sequence[Item], done: Callable[[Item], None]) -> list[OSError]:
    """Removes items: first from TFX's cache, then from disk. Killed in between, the next cleaning ends it.

    So a kill at any moment leaves nothing that a run could take for whole.

    Args:
        place: Their folder.
        going: As `plan` found them.
        done: Told of each that was tried.

    Returns:
        What went wrong with files; the others are removed.

    Raises:
        UserError: ML Metadata's database cannot be written; nothing is removed then.
    """
    mark_deleted(place.folder.metadata, [artifact for item in going for artifact in item.artifacts])
    failures = []
    for item in going:
        for path in item.paths:
            try:
                disk.remove(path)
            except OSError as error:
                failures.append(error)
        done(item)
    return failures
