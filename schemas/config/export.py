"""The section `export`: shapes of what is served."""

from pydantic import Field

from ulmfit_tfx.schemas.section import Section


class ExportConfig(Section):
    """Shape of the exported encoder signatures."""

    fixed_seq_len: int | None = Field(
        70,
        ge=2,
        description="texts are cut and padded to this length, as in the published models. null: as long as "
        "the longest text of the batch, up to training.max_seq_len",
    )
