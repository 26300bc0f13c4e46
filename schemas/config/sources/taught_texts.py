"""Texts with what a teacher says of them: the section `distillation.data`."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from ulmfit_tfx.schemas.config.sources.labelled_texts import one_or_several
from ulmfit_tfx.schemas.config.sources.source import ColumnsConfig
from ulmfit_tfx.schemas.config.sources.splits import SplitsConfig
from ulmfit_tfx.schemas.config.sources.table import TableConfig, WorkbookConfig
from ulmfit_tfx.schemas.labels import composed

_TRAIN_ONLY = SplitsConfig(train=1, eval=0, test=0)


class TaughtTextsConfig(TableConfig, WorkbookConfig, ColumnsConfig):
    """Texts with a teacher's probabilities of the classes, or its label. Rows of the same text are averaged."""

    format: Literal["csv", "tsv", "jsonl", "json", "parquet", "xlsx"] = Field(
        description="left out: recognized by the files; csv and tsv have a header line, or `columns`; jsonl: an object "
        "a line; json: a list of objects; parquet; xlsx: a sheet of an Excel workbook, with a header row"
    )
    second_text_column: str | None = Field(None, description="column with a second text, as in `data`")
    probabilities: Annotated[str | tuple[str, ...], BeforeValidator(one_or_several)] = Field(
        "probabilities",
        description="column, or field, with an object such as {good: 0.9, bad: 0.1}, or with a list in the order of "
        "`label_order`; or a list of columns, each named like its class. A class that is not there has 0",
    )
    label_order: tuple[str, ...] | None = Field(
        None, min_length=2, description="classes in the order of the numbers, where `probabilities` holds lists"
    )
    logits: bool = Field(False, description="the numbers are logits, of which the softmax is taken")
    label_column: str | None = Field(
        None, description="column with the teacher's label, in place of `probabilities`: hard labels"
    )
    confidence_column: str | None = Field(
        None,
        description="with `label_column`: column with the label's probability; the other classes share the rest. "
        "null: 1",
    )
    weight_column: str | None = Field(
        None,
        description="column with what a row counts among those of the same text, such as the trust in its annotator",
    )
    splits: SplitsConfig = Field(_TRAIN_ONLY, description="all rows are for training: leave it out")

    @property
    def probability_columns(self) -> tuple[str, ...]:
        """Columns each of which has a class' number; none where one column has all."""
        return () if isinstance(self.probabilities, str) else self.probabilities

    @property
    def read_columns(self) -> tuple[str, ...]:
        """The columns that the teacher's answer is read from."""
        if self.label_column is not None:
            return tuple(name for name in (self.label_column, self.confidence_column) if name is not None)
        return self.probability_columns or (str(self.probabilities),)

    @field_validator("label_order", mode="after")
    @classmethod
    def _composed(cls, labels: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if labels is None else tuple(map(composed, labels))

    @model_validator(mode="after")
    def _one_way(self):
        if self.label_column is not None:
            for field in ("probabilities", "label_order", "logits"):
                if getattr(self, field) != type(self).model_fields[field].default:
                    raise ValueError(f"label_column and {field} are both set: labels have no {field}")
        elif self.confidence_column is not None:
            raise ValueError("confidence_column is set, and it is of the label in label_column, which is null")
        if self.probability_columns and self.label_order is not None:
            raise ValueError("label_order is set, and each of the columns in probabilities is named like its class")
        columns = self.probability_columns
        if not isinstance(self.probabilities, str) and (len(columns) < 2 or len(set(columns)) < len(columns)):
            raise ValueError(f"probabilities is {list(columns)}, expected a column, or two or more different ones")
        if self.label_order is not None and len(set(self.label_order)) < len(self.label_order):
            raise ValueError("label_order names a class twice")
        return self

    @model_validator(mode="after")
    def _trains_only(self):
        if self.splits != _TRAIN_ONLY:
            raise ValueError("splits is set, and all rows of a teacher are for training: leave it out")
        return self
