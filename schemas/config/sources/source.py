"""What all sources of rows have in common."""

from typing import Annotated

from pydantic import AfterValidator, Field, PositiveInt, model_validator
from typing_extensions import override

from ulmfit_tfx.schemas.config.sources.corpus_cleanup import RowCleanupConfig
from ulmfit_tfx.schemas.config.sources.splits import SplitsConfig
from ulmfit_tfx.schemas.section import Section, Share


def _known_encoding(name: str) -> str:
    try:
        " ".encode(name)  # unlike codecs.lookup, refuses codecs that are no text encodings, such as hex
    except LookupError:
        raise ValueError("is not an encoding that Python knows, such as utf-8 or cp1252") from None
    return name


class SourceConfig(Section):
    """Where rows come from and which of them are taken. Each kind of rows and format has a class of its own."""

    path: str = Field(
        min_length=1,
        description="file, folder or glob, also gs:// and s3://; relative to the configuration file. .gz, .bz2, .xz, "
        ".zst and .zip are decompressed. `data.zip!/*.csv` names members of an archive, `package://NAME/FILE` a file "
        "that an installed Python package ships",
    )
    format: str
    encoding: Annotated[str, AfterValidator(_known_encoding)] = Field("utf-8", description="any name Python knows")
    corpus_cleanup: RowCleanupConfig = RowCleanupConfig()
    sample_fraction: float = Field(1.0, gt=0, le=1, description="share of the rows taken, chosen by a seeded hash")
    splits: SplitsConfig = SplitsConfig()
    max_bad_fraction: Share = Field(0.01, description="stop where a larger share of the rows is quarantined")
    max_row_bytes: int = Field(1_000_000, gt=0, le=100_000_000, description="longer rows are quarantined")
    length_buckets: tuple[PositiveInt, ...] = Field(
        (50, 200, 500), description="upper bounds, in words, of the length buckets that evaluation is sliced by"
    )

    @classmethod
    @override
    def why_no(cls, field: str) -> str | None:
        return "is set, and this section is called corpus_cleanup now" if field == "stages" else None

    @model_validator(mode="after")
    def _ascending_buckets(self):
        if list(self.length_buckets) != sorted(set(self.length_buckets)):
            raise ValueError(f"length_buckets is {list(self.length_buckets)}, expected ascending numbers")
        return self


class ColumnsConfig(SourceConfig):
    """A source with named columns, or fields, one of which has the text."""

    text_column: str = Field(
        "text", description="column, or field of an object, with the text; `note.text` is a field of the object `note`"
    )
    split_key_column: str | None = Field(
        None,
        description="rows with the same value here share a split, such as a document or an author. null: rows with the "
        "same text do",
    )
