"""What stands in the place of a row that a rule leaves out."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Drop:
    """A row that is in order and not wanted.

    Attributes:
        rule: Short, the same for all rows that it leaves out, so that they can be counted by rule.
        label: The label that it is left out for, where that is the reason.
    """

    rule: str
    label: str | None = None
