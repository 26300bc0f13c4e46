"""The section `export`: shapes and sizes of what is served."""

from pydantic import Field

from ulmfit_tfx.schemas.section import Section


class ExportConfig(Section):
    """Shape of the exported encoder signatures, size of the tables."""

    fixed_seq_len: int | None = Field(
        70,
        ge=2,
        description="texts are cut and padded to this length, as in the published models. null: as long as "
        "the longest text of the batch, up to training.max_seq_len",
    )
    max_megabytes: float | None = Field(
        30,
        gt=0,
        description="of the tables of a document model's branches. Where many classes make them larger, more words and "
        "runs of characters share a number. null: no limit",
    )
