"""A cluster, as a pipeline's stages are told of it: what changes from run to run is a parameter of the run."""

import dataclasses
from collections.abc import Callable

from tfx.orchestration.data_types import RuntimeParameter

from ulmfit_tfx.pipeline.kubeflow.early_checks import default_push_directory
from ulmfit_tfx.schemas.config.kubeflow import KubeflowConfig, is_file_system

CHECKPOINTS, PUSH_DIRECTORY, BASELINE = "checkpoints", "push_directory", "baseline"
"""Names of the parameters that say where things lie."""


@dataclasses.dataclass(frozen=True)
class ClusterSurroundings:
    """A cluster. Parameters have the configuration's values unless a run says others.

    Attributes:
        kubeflow: The section of the configuration.
        name: Of the pipeline, and of the served model.
        configured_push_directory: Of the configuration, if it has one.
    """

    kubeflow: KubeflowConfig
    name: str
    configured_push_directory: str | None = None

    @property
    def pipeline_name(self) -> str:
        """The name in lower case, with hyphens: what names in a cluster are made of."""
        return self.name.lower().replace("_", "-")

    @property
    def pipeline_root(self) -> str:
        """Folder of the artifacts."""
        return self.kubeflow.pipeline_root

    @property
    def metadata(self) -> None:
        """None: the backend has its own."""
        return

    @property
    def checkpoints(self) -> RuntimeParameter:
        """Parameter `checkpoints`; "" where trainings keep none beyond the step."""
        root = self.pipeline_root
        beside_artifacts = f"{root}/checkpoints" if is_file_system(root) else ""
        return _parameter(CHECKPOINTS, self.kubeflow.checkpoints or beside_artifacts)

    @property
    def push_directory(self) -> RuntimeParameter:
        """Parameter `push_directory`."""
        return _parameter(PUSH_DIRECTORY, self.default_push_directory)

    @property
    def default_push_directory(self) -> str:
        """Where models go unless a run says otherwise."""
        return default_push_directory(self.kubeflow, self.configured_push_directory, self.name)

    def path(self, section: str, path: str) -> RuntimeParameter:
        """Parameter `data_path` or `corpus_path`."""
        return _parameter(f"{section}_path", path)

    def fingerprint(self, section: str, of_files: Callable[[], str]) -> RuntimeParameter:
        """Parameter `data_fingerprint`, `corpus_fingerprint` or `pretrained_fingerprint`, by section."""
        return _parameter(f"{section}_fingerprint", "")

    def baseline(self, digest: Callable[[], str]) -> RuntimeParameter:
        """Parameter `baseline`: the version in service when the step runs."""
        return _parameter(BASELINE, self.default_push_directory)

    def overrides(self, section: str) -> RuntimeParameter:
        """Parameter `training` or `language_model`."""
        return _parameter(section, "{}")


def _parameter(name: str, default: str) -> RuntimeParameter:
    return RuntimeParameter(name=name, ptype=str, default=default)
