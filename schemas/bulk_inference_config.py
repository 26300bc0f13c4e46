"""The YAML configuration of a bulk inference, as validated data."""

from pydantic import Field, field_validator

from ulmfit_tfx.schemas.config import BeamConfig
from ulmfit_tfx.schemas.kubeflow_config import KubeflowConfig
from ulmfit_tfx.schemas.section import Section
from ulmfit_tfx.schemas.source_config import SourceConfig, SplitsConfig

_ONE_SPLIT = SplitsConfig(train=1, eval=0, test=0)


class BulkSourceConfig(SourceConfig):
    """Where the texts come from. All of them are in one split: nothing is trained or evaluated on them."""

    splits: SplitsConfig = Field(_ONE_SPLIT, description="cannot be set")

    @field_validator("splits")
    @classmethod
    def _one_split(cls, splits: SplitsConfig) -> SplitsConfig:
        if splits != _ONE_SPLIT:
            raise ValueError("is set, and all texts are predicted: leave it out")
        return splits


class BulkInferenceConfig(Section):
    """A bulk inference: a model's predictions for many texts."""

    name: str = Field(pattern=r"^[A-Za-z][\w-]*$", description="names the run's folder")
    model: str = Field(
        min_length=1, description="a SavedModel, or a folder of versions; relative to the configuration file"
    )
    data: BulkSourceConfig
    output: str | None = Field(
        None, description="folder of predictions.jsonl, relative to the configuration file. null: ROOT/predictions"
    )
    seed: int = Field(42, ge=0, lt=2**31, description="of sampling")
    beam: BeamConfig = BeamConfig()
    kubeflow: KubeflowConfig | None = Field(None, description="run in a cluster")
