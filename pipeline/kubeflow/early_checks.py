"""What of a configuration can be told to be wrong for a cluster before TFX is imported, which takes long."""

from collections.abc import Sequence

from ulmfit_tfx.schemas.config.bulk_inference import BulkInferenceConfig
from ulmfit_tfx.schemas.config.config_file import paths_read_by_steps, with_paths
from ulmfit_tfx.schemas.config.kubeflow import KubeflowConfig, is_file_system
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.schemas.remote_paths import is_remote


def for_cluster(config: PipelineConfig | BulkInferenceConfig) -> PipelineConfig | BulkInferenceConfig:
    """A configuration with its paths as they are in the cluster.

    Raises:
        ConfigError: The section `kubeflow` is missing, or a path is not seen in the cluster.
    """
    kubeflow = config.kubeflow
    if kubeflow is None:
        raise ConfigError("The configuration has no section kubeflow. It takes at least image and pipeline_root.")
    config = with_paths(config, kubeflow.paths)
    if complaints := unseen_paths(kubeflow, paths_read_by_steps(config)):
        raise ConfigError(".\n".join(complaints) + ".")
    if isinstance(config, PipelineConfig):
        _check_push_directory(config, kubeflow)
    return config


def default_push_directory(kubeflow: KubeflowConfig, configured: str | None, name: str) -> str:
    """Where models go unless a run says otherwise.

    Args:
        kubeflow: The section of the configuration.
        configured: `push.directory`, if it is set.
        name: Of the pipeline.
    """
    return kubeflow.push_directory or configured or f"{kubeflow.pipeline_root}/serving/{name}"


def _check_push_directory(config: PipelineConfig, kubeflow: KubeflowConfig) -> None:
    pushed_to = default_push_directory(kubeflow, config.push.directory, config.name)
    if not is_file_system(pushed_to) or unseen_paths(kubeflow, [("", pushed_to)]):
        raise ConfigError(
            f"kubeflow.push_directory is missing, and models would go to {pushed_to}: expected gs:// or a path below "
            "the mount_path of an entry of kubeflow.volumes."
        )


def unseen_paths(kubeflow: KubeflowConfig, paths: Sequence[tuple[str, str]]) -> list[str]:
    """Complaints about configured paths that no step of the cluster sees.

    Args:
        kubeflow: The section of the configuration.
        paths: Name of the field and path each.
    """
    return [
        f"{name} is {path}, which no step in the cluster sees. Say in kubeflow.paths where it is there: gs://... "
        "or below the mount_path of an entry of kubeflow.volumes"
        for name, path in paths
        if not is_remote(path) and not kubeflow.sees(path)
    ]
