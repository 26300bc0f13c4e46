"""How rows of delimited text are written: the fields of `data` and `corpus` that only such formats have."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from ulmfit_tfx.schemas.config.sources.source import SourceConfig

DELIMITED = tuple(f"{kind}{way}" for kind in ("", "spans_", "words_", "label_studio_") for way in ("csv", "tsv"))
"""Formats whose rows are lines of fields with a delimiter between them."""
_CONTAINERS = ("parquet", "xlsx")
_NO_DELIMITERS = '"\n\r\0'


def container_of(format: str) -> str | None:
    """The kind of file that tables of a format lie in, where that is none of text.

    >>> container_of("words_xlsx"), container_of("parquet"), container_of("words_csv")
    ('xlsx', 'parquet', None)
    """
    kind = format.rpartition("_")[2]
    return kind if kind in _CONTAINERS else None


def _one_character(delimiter: str) -> str:
    delimiter = "\t" if delimiter in (r"\t", "tab") else delimiter
    if len(delimiter) != 1 or delimiter in _NO_DELIMITERS:
        raise ValueError("is no delimiter: expected one character such as ';', '|' or '\\t', and no quotation mark")
    return delimiter


class TableConfig(SourceConfig):
    """Rows that may be lines of fields with a delimiter between them."""

    delimiter: Annotated[str, AfterValidator(_one_character)] | None = Field(
        None,
        description="csv, tsv: what stands between two fields. null: the one of a first line such as `sep=;`, or that "
        "under which the header names the columns: a comma of csv and a tab of tsv, else `;`, tab, `|` or a comma",
    )
    quoting: Literal["auto", "none", "csv"] = Field(
        "auto",
        description="csv, tsv. csv: a field in quotation marks may hold delimiters, line ends and doubled marks; none: "
        "a mark is a character; auto: csv where `,` or `;` parts the fields, else what the file's beginning shows",
    )
    columns: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="csv, tsv: names of the columns, in their order, of a file without a header line. "
        "null: the first line names them",
    )

    @property
    def has_header(self) -> bool:
        """Whether the first line names the columns."""
        return self.format in DELIMITED and self.columns is None

    @model_validator(mode="after")
    def _of_delimited_text(self):
        if self.format not in DELIMITED:
            for field in ("delimiter", "quoting", "columns"):
                if getattr(self, field) != type(self).model_fields[field].default:
                    raise ValueError(f"{field} is set, and format {self.format} has no use for it")
        return self

    @model_validator(mode="after")
    def _distinct_columns(self):
        if self.columns is not None and len(set(self.columns)) < len(self.columns):
            raise ValueError(f"columns is {list(self.columns)}, expected different names")
        return self


class WorkbookConfig(SourceConfig):
    """Rows that may be those of an Excel workbook."""

    sheet: str | None = Field(None, description="name of the sheet of an Excel workbook. null: the first one")

    @model_validator(mode="after")
    def _sheet_of_a_workbook(self):
        if self.sheet is not None and container_of(self.format) != "xlsx":
            raise ValueError(f"sheet is set, and format {self.format} has no use for it")
        return self
