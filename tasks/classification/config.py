"""The pipeline of a classification."""

from typing import Literal

from pydantic import Field, model_validator

from ulmfit_tfx.schemas.config.labelled_pipeline import DocumentPipelineConfig
from ulmfit_tfx.schemas.config.sources.labelled_texts import ClassifiedTextsConfig
from ulmfit_tfx.tasks.classification.section import ClassificationConfig


class ClassificationPipelineConfig(DocumentPipelineConfig):
    """A pipeline that trains a text classifier."""

    task: Literal["classification"] = "classification"
    data: ClassifiedTextsConfig = Field(description="labelled rows")
    classification: ClassificationConfig = ClassificationConfig()

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of what the task's model is measured by, as in `ThresholdsConfig`."""
        return ("micro_f1" if self.data.is_multi_label else "accuracy", "auc", "macro_f1", "calibration_error")

    @property
    def measured_in_training(self) -> str:
        """The measure beside the loss that tells the best epoch."""
        return "micro_f1" if self.data.is_multi_label else "accuracy"

    @property
    def weighted_labels(self) -> tuple[str, ...] | None:
        """Labels that have weights, by their names, where some have."""
        weights = self.classification.class_weights
        return tuple(weights) if isinstance(weights, dict) else None

    @model_validator(mode="after")
    def _one_label_or_several(self):
        several = "several columns as data.label_column" if self.data.one_hot_columns else "data.label_separator"
        if self.data.is_multi_label and self.classification.class_weights is not None:
            raise ValueError(f"classification.class_weights is set, and with {several} a row has several classes")
        if not self.data.is_multi_label and self.classification.threshold is not None:
            raise ValueError(
                "classification.threshold is set, and without data.label_separator a row gets its most probable class"
            )
        return self
