"""Texts with labels or numbers, by named columns: the section `data` of classification and regression."""

from typing import Literal

from pydantic import Field, field_validator, model_validator
from typing_extensions import override

from ulmfit_tfx.schemas.config.sources.labelled import LabelledColumnsConfig, LabelListConfig
from ulmfit_tfx.schemas.config.sources.source import TablesConfig
from ulmfit_tfx.schemas.labels import composed

_COLUMNS = (
    *("text_column", "second_text_column", "label_column", "weight_column"),
    *("split_column", "split_key_column", "slice_columns"),
)
_WITHOUT_COLUMNS = {"fasttext": _COLUMNS, "class_folders": (*_COLUMNS, "label_separator")}
"""Fields that a format without columns has no use for."""


class LabelledTextsConfig(TablesConfig, LabelledColumnsConfig):
    """Texts with what a model is to say of them."""

    second_text_column: str | None = Field(
        None, description="column with a second text, joined to the first by the tokenizer's separator"
    )
    weight_column: str | None = Field(None, description="column with the row's weight")


class ClassifiedTextsConfig(LabelListConfig, LabelledTextsConfig):
    """Texts with labels."""

    format: Literal["csv", "tsv", "jsonl", "json", "parquet", "xlsx", "fasttext", "class_folders"] = Field(
        description="left out: recognized by the files; csv and tsv have a header line; jsonl: an object a line; "
        "json: a list of objects; parquet; xlsx: a sheet of an Excel workbook, with a header row; fasttext: "
        "__label__NAME and a text a line; class_folders: a text a file, in a folder with the name of its label"
    )
    label_column: str = Field("label", description="column with the label")
    label_separator: str | None = Field(
        None, min_length=1, description="a row has several labels, or none, with this between them"
    )
    label_names: dict[str, str] = Field({}, description="names shown instead of the values, such as {0: negative}")

    @property
    def is_multi_label(self) -> bool:
        """Whether a row has any number of labels."""
        return self.label_separator is not None

    @model_validator(mode="after")
    def _columns_where_there_are_such(self):
        unused = _WITHOUT_COLUMNS.get(self.format, ())
        for field in unused:
            if getattr(self, field) != type(self).model_fields[field].default:
                raise ValueError(f"{field} is set, and format {self.format} has no use for it")
        return self

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

    format: Literal["csv", "tsv", "jsonl", "json", "parquet", "xlsx"] = Field(
        description="left out: recognized by the files; csv and tsv have a header line; jsonl: an object a line; "
        "json: a list of objects; parquet; xlsx: a sheet of an Excel workbook, with a header row"
    )
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
