"""The YAML configuration of a bulk inference, as validated data."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError, field_validator

from ulmfit_tfx.schemas.config.beam import BeamConfig
from ulmfit_tfx.schemas.config.kubeflow import KubeflowConfig
from ulmfit_tfx.schemas.config.sources.asked_texts import AskedTexts
from ulmfit_tfx.schemas.config.sources.splits import SplitsConfig
from ulmfit_tfx.schemas.section import Section

_ONE_SPLIT = SplitsConfig(train=1, eval=0, test=0)


class BulkInferenceConfig(Section):
    """A bulk inference: a model's predictions for many texts."""

    name: str = Field(pattern=r"^[A-Za-z][\w-]*$", description="names the run's folder")
    model: str = Field(
        min_length=1, description="a SavedModel, or a folder of versions; relative to the configuration file"
    )
    data: AskedTexts
    output: str | None = Field(
        None,
        description="file of predictions, of the format of its suffix: .csv, .tsv, .jsonl or .parquet; or folder of "
        "predictions.jsonl. Relative to the configuration file. null: ROOT/predictions",
    )
    seed: int = Field(42, ge=0, lt=2**31, description="of sampling")
    beam: BeamConfig = BeamConfig()
    kubeflow: KubeflowConfig | None = Field(None, description="run in a cluster")

    @field_validator("data", mode="before")
    @classmethod
    def _in_one_split(cls, data: Any) -> Any:
        """Puts all texts in one split: nothing is trained or evaluated on them."""
        return {"splits": _ONE_SPLIT, **data} if isinstance(data, Mapping) else data

    @field_validator("data", mode="after")
    @classmethod
    def _splits_are_not_set(cls, data: Any) -> Any:
        if data.splits != _ONE_SPLIT:
            reason = ValueError("is set, and all texts are predicted: leave it out")
            raise ValidationError.from_exception_data(
                cls.__name__,
                [
                    {
                        "type": "value_error",
                        "loc": ("splits",),
                        "input": data.splits.model_dump(),
                        "ctx": {"error": reason},
                    }
                ],
            )
        return data
