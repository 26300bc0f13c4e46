"""What a runner on this machine tells of the stages of a pipeline. Needs no TFX."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2


@dataclasses.dataclass(frozen=True)
class StageResult:
    """What a stage did.

    Attributes:
        name: The node's id.
        seconds: Wall time.
        cached: Whether an earlier execution's outputs were taken.
        outputs: First artifact of each output, by key.
    """

    name: str
    seconds: float
    cached: bool
    outputs: Mapping[str, "metadata_store_pb2.Artifact"]


StageResults = Mapping[str, StageResult]
"""By name, in the order in which the stages ran."""


class StageFailedError(Exception):
    """A stage raised; its exception is the cause."""

    def __init__(self, stage: str):
        super().__init__(stage)
        self.stage = stage


class StageObserver(Protocol):
    """Is told of stages."""

    def stage_started(self, name: str, number: int, of: int) -> None:
        """A stage begins."""

    def stage_finished(self, result: StageResult) -> None:
        """A stage is done."""


class RunObserver(StageObserver, Protocol):
    """Is told of what comes before them too."""

    def waits_for_cleaning(self) -> None:
        """Files are being removed where the run is to write, and it waits for the end of that."""

    def shares_folder(self) -> None:
        """Another run is under way in the same folder. Both go on."""

    def loads_libraries(self) -> None:
        """TensorFlow and TFX are imported, which takes some seconds."""


class Unobserved:
    """A `RunObserver` that says nothing."""

    def waits_for_cleaning(self) -> None:
        """Nothing."""

    def shares_folder(self) -> None:
        """Nothing."""

    def loads_libraries(self) -> None:
        """Nothing."""

    def stage_started(self, name: str, number: int, of: int) -> None:
        """Nothing."""

    def stage_finished(self, result: StageResult) -> None:
        """Nothing."""
