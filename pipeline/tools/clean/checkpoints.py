"""Checkpoints of trainings that did not come to their end; a training removes its own when it does."""

from collections.abc import Iterator
from pathlib import Path

from ulmfit_tfx.pipeline.tools.clean import disk
from ulmfit_tfx.pipeline.tools.clean.item import Item

GOES_ON = "a killed training goes on from it"
_CORPORA = "corpora-"
"""Before the names of copies of the inputs, see `trainer_modules.run_identity`."""


def checkpoint_items(folder: Path, finished: float | None) -> Iterator[Item]:
    """Checkpoints, and copies of corpora that trainings of a language model share.

    What was written since a run last finished is of a training that was killed since, and needed.

    Args:
        folder: Of all checkpoints.
        finished: When a run last came to its end, in seconds since 1970; None where none has.
    """
    for path in disk.subfolders(folder):
        name = disk.original_name(path)
        written = disk.last_written(path)
        yield Item(
            kind="checkpoints",
            of="corpora" if name.startswith(_CORPORA) else "trainings",
            name=name,
            paths=(path,),
            last_used=written,
            order=(written,),
            size=disk.size(path),
            needed=GOES_ON if finished is None or written > finished else "",
            half_removed=disk.is_set_aside(path),
        )
