"""The pipeline of a regression."""

from typing import Literal

from pydantic import Field

from ulmfit_tfx.schemas.config.labelled_pipeline import DocumentPipelineConfig
from ulmfit_tfx.schemas.config.sources.labelled_texts import NumberedTextsConfig
from ulmfit_tfx.tasks.regression.section import RegressionConfig


class RegressionPipelineConfig(DocumentPipelineConfig):
    """A pipeline that trains a text regressor."""

    task: Literal["regression"] = "regression"
    data: NumberedTextsConfig = Field(description="labelled rows")
    regression: RegressionConfig = RegressionConfig()

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of what the task's model is measured by, as in `ThresholdsConfig`."""
        return ("mae", "rmse", "pearson", "spearman", "one_minus_wmae")
