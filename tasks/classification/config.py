"""The pipeline of a classification."""

from typing import Literal

from pydantic import Field, model_validator

from ulmfit_tfx.schemas.config.distillation import DistillationConfig
from ulmfit_tfx.schemas.config.labelled_pipeline import DocumentPipelineConfig
from ulmfit_tfx.schemas.config.sources.labelled_texts import ClassifiedTextsConfig
from ulmfit_tfx.schemas.config.sources.taught_texts import TaughtTextsConfig
from ulmfit_tfx.tasks.classification.section import ClassificationConfig


class ClassificationPipelineConfig(DocumentPipelineConfig):
    """A pipeline that trains a text classifier."""

    task: Literal["classification"] = "classification"
    data: ClassifiedTextsConfig = Field(description="labelled rows")
    classification: ClassificationConfig = ClassificationConfig()
    distillation: DistillationConfig | None = Field(
        None, description="learn from a teacher too, such as labels of a large model; see docs/distillation.md"
    )

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of what the task's model is measured by, as in `ThresholdsConfig`."""
        return ("micro_f1" if self.data.is_multi_label else "accuracy", "auc", "macro_f1", "calibration_error")

    @property
    def transfer(self) -> TaughtTextsConfig | None:
        """Where a teacher's rows come from, where there is one."""
        return None if self.distillation is None else self.distillation.data

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
        if self.data.is_multi_label and self.distillation is not None:
            raise ValueError(f"distillation is set, and with {several} a row has several classes: it takes one a row")
        return self

    @model_validator(mode="after")
    def _taught_as_labelled(self):
        taught = None if self.distillation is None else self.distillation.data
        if taught is not None and (taught.second_text_column is None) != (self.data.second_text_column is None):
            lacking = "distillation.data" if taught.second_text_column is None else "data"
            raise ValueError(f"{lacking}.second_text_column is null: rows of both are pairs of texts, or none are")
        return self
