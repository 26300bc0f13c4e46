"""Texts with labels or numbers, by named columns: the section `data` of classification and regression."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveInt, field_validator, model_validator
from pydantic_core import PydanticKnownError
from typing_extensions import override

from ulmfit_tfx.schemas.config.sources.labelled import LabelledColumnsConfig, LabelListConfig
from ulmfit_tfx.schemas.config.sources.table import TableConfig, WorkbookConfig
from ulmfit_tfx.schemas.labels import composed

ClassifiedFormat = Literal[
    "csv", "tsv", "jsonl", "json", "parquet", "xlsx", "fasttext", "labelled_lines", "class_folders"
]
_COLUMNS = (
    *("text_column", "second_text_column", "label_column", "weight_column"),
    *("split_column", "split_key_column", "slice_columns"),
)
_WITHOUT_COLUMNS: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("class_folders", "labelled_lines"), (*_COLUMNS, "label_separator")
)
_WITHOUT_COLUMNS["fasttext"] = _COLUMNS
"""Fields that a format without columns has no use for."""


class LabelledTextsConfig(TableConfig, WorkbookConfig, LabelledColumnsConfig):
    """Texts with what a model is to say of them."""

    second_text_column: str | None = Field(
        None, description="column with a second text, joined to the first by the tokenizer's separator"
    )
    weight_column: str | None = Field(None, description="column with the row's weight")
    rows_without_label: Literal["refuse", "drop"] = Field(
        "refuse", description="rows whose label, or whose numbers, are empty: refuse them as malformed, or drop them"
    )


def one_or_several(columns: Any) -> Any:
    """Demands a column, or a list of columns."""
    if isinstance(columns, bool) or not isinstance(columns, str | int | float | list | tuple):
        raise PydanticKnownError("string_type")  # one error, and not one of each type that it may have
    return columns


class ClassifiedTextsConfig(LabelListConfig, LabelledTextsConfig):
    """Texts with labels."""

    format: ClassifiedFormat = Field(
        description="left out: recognized by the files; csv and tsv have a header line, or `columns`; jsonl: an object "
        "a line; json: a list of objects; parquet; xlsx: a sheet of an Excel workbook, with a header row; fasttext: "
        "__label__NAME and a text a line; labelled_lines: a label and a text a line, see `label_at`; class_folders: a "
        "text a file, in a folder with the name of its label"
    )
    label_column: Annotated[str | tuple[str, ...], BeforeValidator(one_or_several)] = Field(
        "label",
        description="column with the label; or a list of columns, each of which is a label and has 1 where the row has "
        "it, 0 where not: a row has several labels, or none",
    )
    label_separator: str | None = Field(
        None, min_length=1, description="a row has several labels, or none, with this between them"
    )
    label_at: Literal["first", "last"] = Field(
        "first", description="labelled_lines: which word of a line is its label. The others are the text"
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
        return self.label_separator is not None or bool(self.one_hot_columns)

    @property
    def one_hot_columns(self) -> tuple[str, ...]:
        """Columns each of which is a label; none where one column has the label, or the labels."""
        return () if isinstance(self.label_column, str) else self.label_column

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The columns that labels are read from."""
        return self.one_hot_columns or (str(self.label_column),)

    @property
    def labelled_by(self) -> str:
        """Where the labels stand, for messages: `column 'label'`."""
        names = ", ".join(f"'{column}'" for column in self.label_columns)
        return f"column{'s' if self.one_hot_columns else ''} {names}"

    @property
    def answer_separator(self) -> str | None:
        """What stands between the labels of a text in an answer: in no label where each has a column of its own."""
        if self.label_separator is not None or not self.one_hot_columns:
            return self.label_separator
        names = "".join((*self.one_hot_columns, *self.label_names.values()))
        separators = ("|" * count for count in range(1, len(names) + 2))
        return next(separator for separator in separators if separator not in names)

    @model_validator(mode="after")
    def _columns_where_there_are_such(self):
        unused = _WITHOUT_COLUMNS.get(self.format, ())
        unused = unused if self.format == "labelled_lines" else (*unused, "label_at")
        for field in unused:
            if getattr(self, field) != type(self).model_fields[field].default:
                raise ValueError(f"{field} is set, and format {self.format} has no use for it")
        return self

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
    def _different_label_columns(self):
        columns = self.one_hot_columns
        if not isinstance(self.label_column, str) and (len(columns) < 2 or len(set(columns)) < len(columns)):
            raise ValueError(f"label_column is {list(columns)}, expected a column, or two or more different ones")
        return self

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
