"""Logs of runs, and predictions."""

from collections.abc import Iterator
from pathlib import Path

from ulmfit_tfx.pipeline.tools.clean import disk
from ulmfit_tfx.pipeline.tools.clean.item import Item, Kind


def file_items(kind: Kind, folder: Path, pattern: str) -> Iterator[Item]:
    """Files in a folder, each by itself."""
    for path in disk.files(folder, pattern):
        written = disk.last_written(path)
        yield Item(
            kind=kind,
            of="",
            name=path.name,
            paths=(path,),
            last_used=written,
            order=(written,),
            size=disk.size(path),
        )
