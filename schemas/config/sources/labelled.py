"""What all sources of labelled rows have in common."""

from collections.abc import Sequence

from pydantic import Field, field_validator, model_validator

from ulmfit_tfx.schemas.config.sources.source import ColumnsConfig, SourceConfig
from ulmfit_tfx.schemas.labels import composed
from ulmfit_tfx.schemas.section import Section, Share


class LabelledSourceConfig(SourceConfig):
    """Labelled rows of a task. Which fields there are depends on the task and the format."""

    eval_path: str | None = Field(
        None, description="file, folder or glob whose rows are the eval split; `path` has the others"
    )
    test_path: str | None = Field(
        None, description="file, folder or glob whose rows are the test split; `path` has the others"
    )
    train_fraction: float = Field(
        1.0,
        gt=0,
        le=1,
        description="share of the train split that is used, chosen by a seeded hash: what few labels are worth",
    )

    allow_leaks: Share = Field(
        0.01,
        description="stop where the texts of a larger share of eval's or test's rows stand in train too, and of more "
        "than 3 rows, or than a tenth of a smaller split. 0: none may; true: any share may",
    )

    @property
    def has_test_split(self) -> bool:
        """Whether some rows are the test split, as far as the configuration tells."""
        return bool(self.test_path or self.splits.test)

    @property
    def sliced_by(self) -> Sequence[str]:
        """Columns whose values evaluation is sliced by."""
        return ()


class LabelledColumnsConfig(ColumnsConfig, LabelledSourceConfig):
    """Labelled rows with named columns, or fields."""

    split_column: str | None = Field(
        None,
        description="column that names each row's split: train; eval, dev, valid or validation; test",
    )
    eval_from_train: bool = Field(
        False,
        description="rows that split_column calls train are shared out between train and eval, in the proportion of "
        "splits: where the column names train and test only",
    )
    slice_columns: tuple[str, ...] = Field(
        (), description="columns whose values evaluation is sliced by, such as language"
    )

    @property
    def has_test_split(self) -> bool:
        """Whether some rows are the test split, as far as the configuration tells."""
        return self.split_column is not None or super().has_test_split

    @property
    def sliced_by(self) -> Sequence[str]:
        """Columns whose values evaluation is sliced by."""
        return self.slice_columns

    @model_validator(mode="after")
    def _splits_named_once(self):
        if self.split_column is not None and (self.eval_path is not None or self.test_path is not None):
            raise ValueError("split_column and eval_path or test_path are both set: the splits are named twice")
        if self.split_column is not None and self.split_key_column is not None:
            raise ValueError("split_column and split_key_column are both set: the splits are named twice")
        if self.eval_from_train and (self.split_column is None or not self.splits.eval or not self.splits.train):
            raise ValueError("eval_from_train is set, and needs split_column, and shares of train and eval in splits")
        return self


class LabelListConfig(Section):
    """The labels, or tags, that are allowed."""

    labels: tuple[str, ...] | None = Field(
        None, description="allowed labels, or tags. Other rows are quarantined. null: whatever occurs"
    )
    label_file: str | None = Field(
        None, description="file with the allowed labels, or tags, one a line, in place of `labels`"
    )

    @field_validator("labels", mode="after")
    @classmethod
    def _composed(cls, labels: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if labels is None else tuple(map(composed, labels))

    @model_validator(mode="after")
    def _distinct_labels(self):
        if self.labels is not None and len(set(self.labels)) < 2:
            raise ValueError(f"labels is {list(self.labels)}, expected two or more different values")
        if self.labels is not None and self.label_file is not None:
            raise ValueError("labels and label_file are both set: the labels are listed twice")
        return self
