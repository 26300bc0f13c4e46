"""Where text comes from, and what ingestion does with it: the sections `data` and `corpus`."""

import json
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveInt, model_validator

from ulmfit_tfx.schemas.corpus_cleanup_config import RowStagesConfig, TextStagesConfig
from ulmfit_tfx.schemas.section import Section

Share = Annotated[float, Field(ge=0, le=1)]
TextFormat = Literal["csv", "tsv", "jsonl", "text", "conll", "conllu", "mediawiki"]
RowFormat = Literal["csv", "tsv", "jsonl", "conll", "conllu", "spans_tsv", "spans_csv", "label_studio"]

TEXT_ROW_FORMATS = ("csv", "tsv", "jsonl")
"""Formats of texts with labels or numbers, by named columns."""
FORMATS_WITH_COLUMNS = (*TEXT_ROW_FORMATS, "spans_tsv", "spans_csv")
"""Formats with named columns, or fields."""
TAGGED_FORMATS = ("jsonl", "conll", "conllu", "spans_tsv", "spans_csv", "label_studio")
"""Formats of words and their tags, see `ulmfit_tfx.transforms.records`."""


def _known_encoding(name: str) -> str:
    try:
        " ".encode(name)  # unlike codecs.lookup, refuses codecs that are no text encodings, such as hex
    except LookupError:
        raise ValueError("is not an encoding that Python knows, such as utf-8 or latin-1") from None
    return name


class SplitsConfig(Section):
    """Shares of the rows that go to each split. A row's split follows from a hash of its text."""

    train: Share = Field(0.8, description="fitted on")
    eval: Share = Field(0.1, description="early stopping and the gates of the Evaluator")
    test: Share = Field(0.1, description="scored once, at the end")

    @model_validator(mode="after")
    def _sum_to_one(self):
        total = self.train + self.eval + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + eval + test is {total:g}, expected 1")
        return self


class SourceConfig(Section):
    """Where text comes from and which rows are taken."""

    path: str = Field(
        min_length=1,
        description="file, folder or glob, also gs:// and s3://; relative to the configuration file. .gz, .bz2, .xz "
        "and .zst are decompressed. `package://NAME/FILE` is a file that an installed Python package ships",
    )
    format: TextFormat = Field(
        description="csv and tsv have a header line; jsonl: an object a line; text: see `text_unit`; conll (columns) "
        "and conllu: sentences; mediawiki: the articles of an XML dump, without markup"
    )
    encoding: Annotated[str, AfterValidator(_known_encoding)] = Field("utf-8", description="any name Python knows")
    text_column: str = Field("text", description="column, or field of an object, with the text (csv, tsv, jsonl)")
    text_unit: Literal["line", "paragraph", "document"] = Field(
        "line", description="text: what a row is: a line, what stands between blank lines, or a file"
    )
    word_column: NonNegativeInt = Field(0, description="conll: column with the word, from 0")
    split_key_column: str | None = Field(
        None,
        description="csv, tsv, jsonl: rows with the same value here share a split, such as a document or an author. "
        "null: rows with the same text do",
    )
    stages: TextStagesConfig = TextStagesConfig()
    sample_fraction: float = Field(1.0, gt=0, le=1, description="share of the rows taken, chosen by a seeded hash")
    splits: SplitsConfig = SplitsConfig()
    max_bad_fraction: Share = Field(0.01, description="stop where a larger share of the rows is quarantined")
    max_row_bytes: int = Field(1_000_000, gt=0, le=100_000_000, description="longer rows are quarantined")
    length_buckets: tuple[PositiveInt, ...] = Field(
        (50, 200, 500), description="upper bounds, in words, of the length buckets that evaluation is sliced by"
    )

    @model_validator(mode="after")
    def _ascending_buckets(self):
        if list(self.length_buckets) != sorted(set(self.length_buckets)):
            raise ValueError(f"length_buckets is {list(self.length_buckets)}, expected ascending numbers")
        return self

    @model_validator(mode="after")
    def _fields_of_the_format(self):
        fields = {"text_unit": ("text",), "split_key_column": FORMATS_WITH_COLUMNS}
        for name, formats in fields.items():
            # Not whether it is set: a configuration that was dumped and is read again has all fields set.
            if getattr(self, name) != type(self).model_fields[name].default and self.format not in formats:
                raise ValueError(f"{name} is set, and format {self.format} has no use for it")
        return self


class LabelledSourceConfig(SourceConfig):
    """Labelled rows of a task. Which fields there are depends on the task."""

    format: RowFormat = Field(  # type: ignore[assignment]  # rows have other formats than texts
        description="classification and regression: csv and tsv, with a header line, and jsonl, an object a "
        "line. tagging: jsonl ([word, tag] pairs, a sentence a line), conll (columns), conllu, spans_tsv and spans_csv "
        "(texts with the values to mark in them, with a header line), label_studio (JSON-min)"
    )
    stages: RowStagesConfig = RowStagesConfig()  # type: ignore[assignment]  # wording is changed by `cleaning` alone
    eval_path: str | None = Field(
        None, description="file, folder or glob whose rows are the eval split; `path` has the others"
    )
    test_path: str | None = Field(
        None, description="file, folder or glob whose rows are the test split; `path` has the others"
    )
    split_column: str | None = Field(
        None,
        description="csv, tsv, jsonl, spans_tsv, spans_csv: column that names each row's split: train; eval, dev, "
        "valid or validation; test",
    )
    second_text_column: str | None = Field(
        None,
        description="classification, regression: column with a second text, joined to the first by the tokenizer's "
        "separator",
    )
    slice_columns: tuple[str, ...] = Field(
        (),
        description="csv, tsv, jsonl, spans_tsv, spans_csv: columns whose values evaluation is sliced by, such as "
        "language",
    )
    label_column: str = Field("label", description="classification: column with the label")
    label_separator: str | None = Field(
        None, min_length=1, description="classification: a row has several labels, or none, with this between them"
    )
    label_file: str | None = Field(
        None, description="classification, tagging: file with the allowed labels, one a line, in place of `labels`"
    )
    target_columns: tuple[str, ...] = Field((), description="regression: columns with the numbers to predict")
    weight_column: str | None = Field(None, description="regression, classification: column with the row's weight")
    tag_column: int = Field(-1, description="conll: column with the tag, from 0, or from the end with -1")
    tag_field: str = Field(
        "upos", description="conllu: field with the tag: upos, xpos, deprel, feats, or a key of feats or misc"
    )
    label_map: str | None = Field(
        None, description='jsonl: JSON file from the tags in the data to their names, such as {"0": "O"}'
    )
    spans_column: str = Field("value", description="spans_tsv, spans_csv: column with the values to mark")
    span_label_column: str | None = Field(
        None, description="spans_tsv, spans_csv: column with the label of the values. null: `span_label`"
    )
    span_label: str = Field("VALUE", min_length=1, description="spans_tsv, spans_csv: label of the marked values")
    span_separator: str = Field("*", min_length=1, description="spans_tsv, spans_csv: between several values of a row")
    no_span: str = Field("NULL", description="spans_tsv, spans_csv: stands where there is no value")
    train_fraction: float = Field(
        1.0,
        gt=0,
        le=1,
        description="share of the train split that is used, chosen by a seeded hash: what few labels are worth",
    )
    labels: tuple[str, ...] | None = Field(
        None,
        description="classification: allowed values of the label column; tagging: allowed tags. Other rows are "
        "quarantined. null: whatever occurs",
    )
    label_names: dict[str, str] = Field({}, description="names shown instead of the values, such as {0: negative}")

    @model_validator(mode="after")
    def _splits_named_once(self):
        if self.split_column is not None and (self.eval_path is not None or self.test_path is not None):
            raise ValueError("split_column and eval_path or test_path are both set: the splits are named twice")
        if self.split_column is not None and self.split_key_column is not None:
            raise ValueError("split_column and split_key_column are both set: the splits are named twice")
        return self

    @model_validator(mode="after")
    def _distinct_targets(self):
        if len(set(self.target_columns)) < len(self.target_columns):
            raise ValueError(f"target_columns is {list(self.target_columns)}, expected different columns")
        return self

    @model_validator(mode="after")
    def _distinct_labels(self):
        if self.labels is not None and len(set(self.labels)) < 2:
            raise ValueError(f"labels is {list(self.labels)}, expected two or more different values")
        if self.labels is not None and self.label_file is not None:
            raise ValueError("labels and label_file are both set: the labels are listed twice")
        if unknown := sorted(set(self.label_names) - set(self.labels or self.label_names)):
            raise ValueError(f"label_names names '{unknown[0]}', which is not among labels")
        if len(set(self.label_names.values())) < len(self.label_names):
            raise ValueError("label_names gives two labels the same name")
        return self

    @property
    def has_test_split(self) -> bool:
        """Whether some rows are the test split, as far as the configuration tells."""
        return bool(self.test_path or self.split_column or self.splits.test)

    @property
    def is_multi_label(self) -> bool:
        """Whether a row of a classification has any number of labels."""
        return self.label_separator is not None


def source_from_json(text: str) -> SourceConfig:
    """Reads a dumped `SourceConfig` or `LabelledSourceConfig`, whichever it was."""
    is_labelled = "label_column" in json.loads(text)
    return (LabelledSourceConfig if is_labelled else SourceConfig).model_validate_json(text)
