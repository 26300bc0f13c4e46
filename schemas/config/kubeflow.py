"""The section `kubeflow` of a configuration: where and how each step runs in a cluster."""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveInt,
    SerializerFunctionWrapHandler,
    StringConstraints,
    field_validator,
    model_serializer,
    model_validator,
)

from ulmfit_tfx.schemas.remote_paths import is_remote
from ulmfit_tfx.schemas.section import Section

_KUBERNETES_NAME = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"
_MEMORY = re.compile(r"^(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?$")
_BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, None: 1}
_BUCKETS = ("gs://", "s3://", "minio://")

KubernetesName = Annotated[str, StringConstraints(pattern=_KUBERNETES_NAME)]
MountPath = Annotated[str, StringConstraints(pattern=r"^/[^:]*$")]


class GpuConfig(Section):
    """GPUs of a step."""

    type: str = Field("nvidia.com/gpu", pattern=r"^[\w.-]+(/[\w.-]+)?$", description="the resource's name")
    count: PositiveInt = 1


class TolerationConfig(Section):
    """A taint that a step's pod tolerates."""

    key: str | None = None
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: NonNegativeInt | None = None

    @model_validator(mode="after")
    def _makes_sense(self):
        if self.operator == "Exists" and self.value is not None:
            raise ValueError("operator is Exists, and value is set")
        if self.operator == "Equal" and self.key is None:
            raise ValueError("key is missing: without one, operator has to be Exists")
        if self.toleration_seconds is not None and self.effect != "NoExecute":
            raise ValueError("toleration_seconds is set, and effect is not NoExecute")
        return self


class VolumeConfig(Section):
    """A persistent volume claim, mounted into a step's container."""

    claim: KubernetesName = Field(description="the claim's name")
    mount_path: MountPath


class SecretConfig(Section):
    """A Kubernetes secret, as environment variables or as files."""

    name: KubernetesName
    env: dict[str, str] = Field({}, description="key of the secret by environment variable")
    mount_path: MountPath | None = None

    @model_validator(mode="after")
    def _is_used_one_way(self):
        if bool(self.env) == (self.mount_path is not None):
            raise ValueError("expected one of env and mount_path")
        return self


class StepConfig(Section):
    """What a step's pod needs. null and empty: as the backend decides."""

    cpu: float | None = Field(None, gt=0, description="limit, in cores")
    memory: str | None = Field(None, description="limit, such as 4Gi")
    gpu: GpuConfig | None = Field(None, description="GPUs")
    node_selector: dict[str, str] = Field({}, description="labels that the node has to have")
    tolerations: tuple[TolerationConfig, ...] = Field(
        (), description="key, operator (Equal, Exists), value, effect, toleration_seconds each"
    )
    volumes: tuple[VolumeConfig, ...] = Field((), description="claim and mount_path each")
    secrets: tuple[SecretConfig, ...] = Field((), description="name, and env or mount_path, each")

    @field_validator("memory")
    @classmethod
    def _is_a_quantity(cls, memory: str | None) -> str | None:
        if memory is not None and not (_MEMORY.match(memory) and memory_bytes(memory)):
            raise ValueError("expected a quantity such as 512Mi or 4Gi")
        return memory

    @model_validator(mode="after")
    def _mounted_once(self):
        paths = [volume.mount_path for volume in self.volumes] + [s.mount_path for s in self.secrets if s.mount_path]
        if twice := sorted({path for path in paths if paths.count(path) > 1}):
            raise ValueError(f"mounts two things at {twice[0]}")
        return self


class OwnStepConfig(StepConfig):
    """What one step's pod needs in place of what all steps have. It is written down without what it does not say."""

    @model_serializer(mode="wrap")
    def _said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {field: value for field, value in handler(self).items() if field in self.__pydantic_fields_set__}


def memory_bytes(quantity: str) -> int:
    """Bytes of a Kubernetes quantity such as `4Gi`."""
    match = _MEMORY.match(quantity)
    assert match is not None  # the configuration has seen to it
    return int(float(match[1]) * _BYTES[match[2]])


def is_file_system(path: str) -> bool:
    """Whether steps can read and write there themselves. To s3:// and minio:// only Kubeflow's launcher copies."""
    return path.startswith("gs://") or not is_remote(path)


class KubeflowConfig(StepConfig):
    """How `ulmfit-tfx compile` and `submit` put the pipeline into a cluster. Other commands do not look at it."""

    image: str = Field(min_length=1, description="container image of all steps, see docs/kubeflow.md")
    pipeline_root: str = Field(
        description="where artifacts go: gs://, s3:// or minio:// with a bucket, or a path below the mount_path of a "
        "volume, for backends that take one"
    )
    checkpoints: str | None = Field(
        None,
        description="where trainings keep what a killed one goes on from: a path below the mount_path of a volume, or "
        "gs://. null: checkpoints/ below pipeline_root; of minio:// and s3://, none that outlive a step",
    )
    push_directory: str | None = Field(
        None,
        description="where models go, and where the one in service is: a path below the mount_path of a volume, or "
        "gs://. null: push.directory, or serving/NAME below pipeline_root",
    )
    paths: dict[str, str] = Field(
        {},
        description="files and folders that are elsewhere in the cluster, by field, such as {data.path: "
        "/mnt/data/reviews.csv}",
    )
    host: str | None = Field(None, description="submit: address of the Kubeflow Pipelines API")
    experiment: str | None = Field(None, description="submit: experiment of the run")
    namespace: KubernetesName | None = Field(None, description="submit: namespace, where there are several users")
    service_account: KubernetesName | None = Field(None, description="submit: that the steps run as")
    caching: bool = Field(True, description="take steps from the backend's cache where nothing changed")
    retries: NonNegativeInt = Field(0, description="how often a failed step is tried again")
    retry_backoff_seconds: PositiveInt = Field(60, description="wait before the first of them, doubled each time")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    image_pull_secrets: tuple[KubernetesName, ...] = Field((), description="secrets of the image's registry")
    steps: dict[str, OwnStepConfig] = Field(
        {},
        description="by name of a step, such as Trainer, fields above from cpu to secrets that it has instead, such as "
        "{Trainer: {gpu: {count: 1}, memory: 16Gi}}",
    )

    @field_validator("pipeline_root")
    @classmethod
    def _is_shared(cls, root: str) -> str:
        bucket = next((root.removeprefix(scheme) for scheme in _BUCKETS if root.startswith(scheme)), None)
        if bucket is None and not root.startswith("/"):
            raise ValueError(f"expected {', '.join(_BUCKETS)} or a path below the mount_path of a volume")
        if bucket is not None and not bucket.split("/")[0]:
            raise ValueError("names no bucket")
        return root.rstrip("/")

    @model_validator(mode="after")
    def _paths_are_mounted(self):
        for name in ("pipeline_root", "checkpoints", "push_directory"):
            path = getattr(self, name)
            if path is not None and not is_remote(path) and not self.sees(path):
                raise ValueError(f"{name} is {path}, and no entry of volumes is mounted above it")
        for name in ("checkpoints", "push_directory"):
            path = getattr(self, name)
            if path is not None and not is_file_system(path):
                raise ValueError(f"{name} is {path}, expected gs:// or a path below the mount_path of a volume")
        return self

    def sees(self, path: str) -> bool:
        """Whether each step sees a path: it lies below the mount path of a volume of all steps."""
        return any(f"{path}/".startswith(f"{volume.mount_path.rstrip('/')}/") for volume in self.volumes)

    def step(self, name: str) -> StepConfig:
        """What a step needs: its own fields, and those of all steps where it has none."""
        own = self.steps.get(name, OwnStepConfig())
        return StepConfig.model_validate(self.model_dump(include=set(StepConfig.model_fields)) | own.model_dump())
