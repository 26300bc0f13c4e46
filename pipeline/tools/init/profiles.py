"""What the values of a column are like, learned in one pass."""

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping

_MOST_DISTINCT = 50_000
"""Different values of a column that are counted apart. Of more it is only known that there are many."""
_SEPARATORS = ("|", ";", ",")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WRITTEN_NUMBER = re.compile(r"[+-]?(\d{1,3}([., ]\d{3})+([.,]\d+)?|\d+,\d+)")
"""A number with thousands signs or a decimal comma: no number to a program, and to a person no class."""
_WHOLE = re.compile(r"[+-]?\d+(\.0+)?")


@dataclasses.dataclass
class Profile:
    """The values of a column.

    Attributes:
        name: Of the column.
        values: How often each value that is not empty occurs.
        rows: All of them.
        empty: Rows without a value.
        words: Words of all values.
        characters: Characters of all values.
        numbers: Values that are numbers.
        whole: Values that are whole numbers.
        lists: Values that were lists, as JSON has them.
        overflown: Whether there are more different values than are counted.
    """

    name: str
    values: Counter[str] = dataclasses.field(default_factory=Counter)
    rows: int = 0
    empty: int = 0
    words: int = 0
    characters: int = 0
    numbers: int = 0
    whole: int = 0
    lists: int = 0
    overflown: bool = False

    def add(self, value: str, is_list: bool = False) -> None:
        """Counts a value."""
        self.rows += 1
        self.lists += is_list
        if not value:
            self.empty += 1
            return
        self.words += len(value.split())
        self.characters += len(value)
        if value.isascii() and (_NUMBER.fullmatch(value) or _WRITTEN_NUMBER.fullmatch(value)):
            self.numbers += 1
            self.whole += _WHOLE.fullmatch(value) is not None
        if value in self.values or len(self.values) < _MOST_DISTINCT:
            self.values[value] += 1
        else:
            self.overflown = True

    @property
    def filled(self) -> int:
        """Rows with a value."""
        return self.rows - self.empty

    @property
    def distinct(self) -> int:
        """Different values."""
        return len(self.values)

    @property
    def words_a_value(self) -> float:
        """Mean."""
        return self.words / max(self.filled, 1)

    @property
    def characters_a_value(self) -> float:
        """Mean."""
        return self.characters / max(self.filled, 1)

    @property
    def is_numeric(self) -> bool:
        """Whether nearly all values are numbers."""
        return self.numbers >= 0.95 * max(self.filled, 1)

    @property
    def is_unique(self) -> bool:
        """Whether no value occurs twice."""
        return not self.overflown and self.filled > 1 and self.distinct == self.filled

    @property
    def is_binary(self) -> bool:
        """Whether all values are 0 or 1."""
        return bool(self.values) and set(self.values) <= {"0", "1", "0.0", "1.0"}

    @property
    def has_few_values(self) -> bool:
        """Whether values recur so often that they can be labels."""
        return not self.overflown and 2 <= self.distinct <= max(20, math.isqrt(self.filled)) and not self.is_unique


def profiles(records: Iterable[tuple[Mapping[str, str], frozenset[str]]]) -> dict[str, Profile]:
    """Profiles of all columns.

    Args:
        records: Values by column, and the columns whose values were lists.
    """
    found: dict[str, Profile] = {}
    for values, lists in records:
        for name, value in values.items():
            found.setdefault(name, Profile(name)).add(value, name in lists)
    return found


def separator_of_labels(profile: Profile) -> str | None:
    """What stands between several labels in a value; None where values have one label each.

    >>> profile = Profile("tags")
    >>> for value in ("sport;news", "news", "sport", "news;music", "music;sport;news", "music"): profile.add(value)
    >>> separator_of_labels(profile)
    ';'
    """
    if profile.lists >= 0.5 * max(profile.rows, 1) or _are_lists(profile):
        return ","
    for separator in _SEPARATORS:
        joined = {value: count for value, count in profile.values.items() if separator in value}
        parts = Counter(part.strip() for value in profile.values for part in value.split(separator))
        parts.pop("", None)
        recur = sum(count > 1 for count in parts.values())
        is_often = sum(joined.values()) >= 0.02 * max(profile.filled, 1)
        if joined and is_often and 2 <= len(parts) < profile.distinct and recur >= 0.8 * len(parts):
            return separator
    return None


def _are_lists(profile: Profile) -> bool:
    """Whether values are lists as Python prints them."""
    return bool(profile.values) and all(value.startswith("['") and value.endswith("']") for value in profile.values)
