"""One thing that a run folder keeps, and goes as a whole or stays."""

import dataclasses
from pathlib import Path
from typing import Literal, get_args

Kind = Literal["artifacts", "checkpoints", "versions", "logs", "predictions"]

KINDS: tuple[Kind, ...] = get_args(Kind)
BY_DEFAULT: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind != "predictions")
"""Kinds that are removed without being named. Predictions are what somebody asked for, not what is left of it."""


@dataclasses.dataclass(frozen=True)
class Item:
    """Something that goes as a whole.

    Attributes:
        kind: Its kind.
        of: What it is counted with: a stage, a served model, "trainings".
        name: An execution's id, a version, the name of a file or folder.
        paths: Files and folders, none of them a link.
        last_used: When a run last wrote or read it, else when it was last written, in seconds since 1970.
        order: Its place among those that it is counted with, the newest last.
        size: Bytes of its files.
        needed: Why it stays whatever the rules; "" where they decide.
        counted: Whether it is one of the newest that a rule lets stay; what failed takes no place from what did not.
        half_removed: Whether an earlier removal did not come to its end.
        artifacts: Ids in ML Metadata that are no more when it is gone.
    """

    kind: Kind
    of: str
    name: str
    paths: tuple[Path, ...]
    last_used: float
    order: tuple[float, ...]
    size: int
    needed: str = ""
    counted: bool = True
    half_removed: bool = False
    artifacts: tuple[int, ...] = ()

    @property
    def identity(self) -> tuple[str, ...]:
        """What tells it from any other, also when it is looked for again."""
        return self.kind, self.of, self.name, str(self.half_removed)
