"""The stacks that the package's requirements choose by Python's version."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Lane:
    """A stack: `requirements/NAME.txt` locks it.

    Attributes:
        name: As in `LANE=NAME make setup`.
        tfx: Major and minor version of TFX.
        tensorflow: The same of TensorFlow.
        glibc: The oldest that its wheels load with.
    """

    name: str
    tfx: str
    tensorflow: str
    glibc: tuple[int, int]

    @property
    def stack(self) -> str:
        """Its main versions, for people."""
        return f"TFX {self.tfx}, TensorFlow {self.tensorflow}"


DEFAULT = Lane("default", "1.16", "2.16", (2, 17))
NEWEST = Lane("newest", "1.21", "2.21", (2, 39))

_LANES = {(3, 10): DEFAULT, (3, 11): NEWEST, (3, 12): NEWEST, (3, 13): NEWEST}


def lane_of(python: tuple[int, ...]) -> Lane | None:
    """The lane of a version of Python; None: there is none."""
    return _LANES.get((python[0], python[1]))
