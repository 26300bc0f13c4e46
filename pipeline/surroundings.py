"""What a pipeline's stages are told of the place where they run: where things lie, and what is only known there."""

import dataclasses
from collections.abc import Callable
from typing import Protocol, TypeAlias

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration import metadata
from tfx.orchestration.data_types import RuntimeParameter

from ulmfit_tfx.components.baseline_resolver.component import BaselineResolver
from ulmfit_tfx.components.strict_example_validator.component import StrictExampleValidator
from ulmfit_tfx.components.versioned_pusher.component import VersionedPusher
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.pipeline.served_model import served_model
from ulmfit_tfx.schemas import component_specs as specs

Value: TypeAlias = str | RuntimeParameter
"""Known when the pipeline is built, or said when it is run."""


def looks_outside(component: BaseNode) -> bool:
    """Whether what a component does follows from more than its inputs and parameters, so that no cache may have it."""
    if isinstance(component, BaselineResolver | StrictExampleValidator):
        return isinstance(component.exec_properties[specs.SERVED], RuntimeParameter)
    return isinstance(component, VersionedPusher)


class Surroundings(Protocol):
    """Where a pipeline runs."""

    @property
    def pipeline_name(self) -> str:
        """Name of the pipeline there."""

    @property
    def pipeline_root(self) -> str:
        """Folder of the artifacts."""

    @property
    def metadata(self) -> metadata_store_pb2.ConnectionConfig | None:
        """ML Metadata's database. None: the backend has its own."""

    @property
    def checkpoints(self) -> Value:
        """Folder of the checkpoints of all trainings."""

    @property
    def push_directory(self) -> Value:
        """Folder of the versions of the served model."""

    def path(self, section: str, path: str) -> Value:
        """Where the files of a section are, configured as `path`."""

    def fingerprint(self, section: str, of_files: Callable[[], str]) -> Value:
        """Digest of a section's files, which `of_files` computes where they can be read."""

    def baseline(self, digest: Callable[[], str]) -> Value:
        """The model that the new one is compared with, by a digest of what the run's outputs follow from."""

    def overrides(self, section: str) -> RuntimeParameter | None:
        """Fields of a section that a run sets anew, as JSON. None: the configuration alone says them."""


@dataclasses.dataclass(frozen=True)
class LocalSurroundings:
    """This machine: everything is known when the pipeline is built.

    Attributes:
        folder: Of the runs.
        pipeline_name: Name of the pipeline.
        configured_push_directory: Of the configuration, if it has one.
    """

    folder: RunFolder
    pipeline_name: str
    configured_push_directory: str | None = None

    @property
    def push_directory(self) -> str:
        """Folder of the versions of the served model."""
        return self.configured_push_directory or str(self.folder.serving / self.pipeline_name)

    @property
    def pipeline_root(self) -> str:
        """Folder of the artifacts."""
        return str(self.folder.artifacts)

    @property
    def metadata(self) -> metadata_store_pb2.ConnectionConfig:
        """A database in the folder."""
        return metadata.sqlite_metadata_connection_config(str(self.folder.metadata))

    @property
    def checkpoints(self) -> str:
        """Folder of the checkpoints of all trainings."""
        return str(self.folder.checkpoints)

    def path(self, section: str, path: str) -> str:
        """The path."""
        return path

    def fingerprint(self, section: str, of_files: Callable[[], str]) -> str:
        """Digest of the files.

        Raises:
            DataError: They are not there.
        """
        return of_files()

    def baseline(self, digest: Callable[[], str]) -> str:
        """The version in service when a run of this digest first asked, see `served_model`."""
        return served_model(self.push_directory, digest(), self.folder.root)

    def overrides(self, section: str) -> None:
        """None."""
        return
