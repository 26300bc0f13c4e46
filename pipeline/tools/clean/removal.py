"""Removes things so that a kill at any moment leaves nothing that a run could take for whole."""

from collections.abc import Callable, Sequence

from ulmfit_tfx.pipeline.tools.clean import disk
from ulmfit_tfx.pipeline.tools.clean.history import mark_deleted
from ulmfit_tfx.pipeline.tools.clean.item import Item
from ulmfit_tfx.pipeline.tools.clean.places import Place


def remove(place: Place, items: Sequence[Item], done: Callable[[Item], None]) -> list[OSError]:
    """Removes items: first from TFX's cache, then from disk. Killed in between, the next cleaning ends it.

    Args:
        place: Their folder.
        items: As `plan` found them.
        done: Told of each that was tried.

    Returns:
        What went wrong with files; the others are removed.

    Raises:
        UserError: ML Metadata's database cannot be written; nothing is removed then.
    """
    mark_deleted(place.folder.metadata, [artifact for item in items for artifact in item.artifacts])
    failures = []
    for item in items:
        for path in item.paths:
            try:
                disk.remove(path)
            except OSError as error:
                failures.append(error)
        done(item)
    return failures
