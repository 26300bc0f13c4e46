"""Texts with labels or numbers, by named columns: the section `data` of classification and regression."""

from typing import Literal

from pydantic import Field, PositiveInt, field_validator, model_validator
from typing_extensions import override

from ulmfit_tfx.schemas.config.sources.labelled import LabelledColumnsConfig, LabelListConfig
from ulmfit_tfx.schemas.labels import composed


class LabelledTextsConfig(LabelledColumnsConfig):
    """Texts with what a model is to say of them."""

    format: Literal["csv", "tsv", "jsonl"] = Field(
        description="csv and tsv have a header line; jsonl: an object a line"
    )
    second_text_column: str | None = Field(
        None, description="column with a second text, joined to the first by the tokenizer's separator"
    )
    weight_column: str | None = Field(None, description="column with the row's weight")


class ClassifiedTextsConfig(LabelListConfig, LabelledTextsConfig):
    """Texts with labels."""

    label_column: str = Field("label", description="column with the label")
    label_separator: str | None = Field(
        None, min_length=1, description="a row has several labels, or none, with this between them"
    )
    label_names: dict[str, str] = Field({}, description="names shown instead of the values, such as {0: negative}")
    labels: tuple[str, ...] | None = Field(
        None,
        description="labels that are kept. Rows with another one are dropped, or with `rare_labels: group` put in "
        "`rare_label_name`; of a row with several the others are taken off. null: whatever occurs",
    )
    rare_labels: Literal["error", "drop", "group"] = Field(
        "error",
        description="what becomes of labels with fewer than `min_label_count` rows in the train split. error: the run "
        "stops and names them; drop: their rows are left out; group: they become one label, `rare_label_name`",
    )
    min_label_count: PositiveInt | None = Field(
        None, description="rows of the train split that a label needs. null: 1 with error, 2 with drop and group"
    )
    rare_label_name: str = Field("other", min_length=1, description="name of the label that group makes of rare ones")

    @property
    def is_multi_label(self) -> bool:
        """Whether a row has any number of labels."""
        return self.label_separator is not None

    @property
    def needed_rows(self) -> int:
        """Rows of the train split without which a label is rare."""
        return self.min_label_count or (1 if self.rare_labels == "error" else 2)

    @field_validator("rare_label_name", mode="after")
    @classmethod
    def _composed_rare(cls, name: str) -> str:
        return composed(name)

    @field_validator("label_names", mode="after")
    @classmethod
    def _composed_names(cls, names: dict[str, str]) -> dict[str, str]:
        return {composed(label): composed(name) for label, name in names.items()}

    @model_validator(mode="after")
    def _distinct_names(self):
        if unknown := sorted(set(self.label_names) - set(self.labels or self.label_names)):
            raise ValueError(f"label_names names '{unknown[0]}', which is not among labels")
        if len(set(self.label_names.values())) < len(self.label_names):
            raise ValueError("label_names gives two labels the same name")
        kept = set(self.labels or ()) - set(self.label_names)
        if clash := next((label for label, name in self.label_names.items() if name in kept), None):
            raise ValueError(f"label_names gives '{clash}' the name of another of labels, '{self.label_names[clash]}'")
        return self


class NumberedTextsConfig(LabelledTextsConfig):
    """Texts with numbers."""

    target_columns: tuple[str, ...] = Field(min_length=1, description="columns with the numbers to predict")

    @classmethod
    @override
    def why_needed(cls, field: str) -> str:
        return ", the columns with the numbers to predict" if field == "target_columns" else ""

    @model_validator(mode="after")
    def _distinct_targets(self):
        if len(set(self.target_columns)) < len(self.target_columns):
            raise ValueError(f"target_columns is {list(self.target_columns)}, expected different columns")
        return self
