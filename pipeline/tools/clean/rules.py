"""Which things go by age and count."""

import dataclasses
import itertools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, get_args

from ulmfit_tfx.schemas.errors import ConfigError

Kind = Literal["artifacts", "checkpoints", "versions", "logs", "predictions"]

KINDS: tuple[Kind, ...] = get_args(Kind)
BY_DEFAULT: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind != "predictions")
"""Kinds that are removed without being named. Predictions are what somebody asked for, not what is left of it."""

HALF_REMOVED = "half removed"
_UNITS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


@dataclasses.dataclass(frozen=True)
class Item:
    """Something that goes as a whole.

    Attributes:
        kind: Its kind.
        of: What it is shown and counted with: a stage, a served model, "trainings".
        name: An execution's id, a version, the name of a file or folder.
        paths: Files and folders, none of them a link.
        last_used: When a run last wrote or read it, else when it was last written, in seconds since 1970.
        size: Bytes of its files.
        needed: Why it stays whatever the rules; "" where they decide.
        counted: Whether it is one of the newest that a rule lets stay.
        half_removed: Whether an earlier removal did not come to its end.
        artifacts: Ids in ML Metadata that are no more when it is gone.
        goes: Whether it is removed, once that has been judged.
        reason: Why it goes or stays, in a few words.
    """

    kind: Kind
    of: str
    name: str
    paths: tuple[Path, ...]
    last_used: float
    size: int
    needed: str = ""
    counted: bool = True
    half_removed: bool = False
    artifacts: tuple[int, ...] = ()
    goes: bool = False
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Rules:
    """What may go: all that both rules, or the one that is set, give free.

    Attributes:
        keep: How many runs of a pipeline, versions of a model and so on stay, the newest; None: age alone decides.
        older_than: Seconds since its last use after which a thing may go; None: the count alone decides.
    """

    keep: int | None
    older_than: int | None = None

    @property
    def reason(self) -> str:
        """Why what goes by them goes."""
        count = f"beyond the newest {self.keep}" if self.keep else ""
        age = f"not used for {in_units(self.older_than)}" if self.older_than is not None else ""
        return ", ".join(filter(None, (count, age))) or "not needed"

    @property
    def within(self) -> str:
        """Why what is young stays."""
        return f"used within {in_units(self.older_than or 0)}"

    def is_young(self, last_used: float, now: float) -> bool:
        """Whether something stays for its age."""
        return self.older_than is not None and now - last_used < self.older_than


def seconds(text: str) -> int:
    """A duration in seconds.

    >>> seconds("90m"), seconds("30d")
    (5400, 2592000)

    Raises:
        ConfigError: It is none.
    """
    match = re.fullmatch(r"(\d{1,6})([mhdw])", text.strip(), re.ASCII)
    if match is None:
        raise ConfigError(
            f"--older-than is '{text}', expected a whole number and a unit, m, h, d or w: 90m, 12h, 30d, 8w."
        )
    return int(match[1]) * _UNITS[match[2]]


def in_units(duration: float) -> str:
    """A duration in the unit that makes a short number of it.

    >>> in_units(5), in_units(5400), in_units(7200), in_units(40 * 86400)
    ('0m', '90m', '2h', '40d')
    """
    for unit, at_least in (("d", 2), ("h", 2)):
        if duration >= at_least * _UNITS[unit]:
            return f"{duration // _UNITS[unit]:.0f}{unit}"
    return f"{max(duration, 0) // _UNITS['m']:.0f}m"


def judged(items: Iterable[Item], rules: Rules, now: float) -> list[Item]:
    """What becomes of each item, in the order of kinds and stages.

    Args:
        items: All that there are, of each stage or model the oldest first.
        rules: For those that are not needed.
        now: In seconds since 1970.
    """

    def counted_with(item: Item) -> tuple[str, str]:
        return item.kind, item.of

    found = []
    for _, group in itertools.groupby(sorted(items, key=counted_with), key=counted_with):
        together = list(group)
        countable = [item.paths for item in together if item.counted and not item.half_removed]
        newest = set(countable[::-1][: rules.keep or 0])
        for item in together:
            goes, reason = _fate(item, item.paths in newest, rules, now)
            found.append(dataclasses.replace(item, goes=goes, reason=reason))
    return found


def _fate(item: Item, among_newest: bool, rules: Rules, now: float) -> tuple[bool, str]:
    """Whether an item goes, and why."""
    if item.half_removed:
        return True, HALF_REMOVED
    if item.needed:
        return False, item.needed
    if among_newest:
        return False, "the newest" if rules.keep == 1 else f"among the newest {rules.keep}"
    if rules.is_young(item.last_used, now):
        return False, rules.within
    return True, rules.reason
