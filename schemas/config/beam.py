"""The section `beam`: how Beam runs."""

from pydantic import Field, field_validator

from ulmfit_tfx.schemas import beam_arguments
from ulmfit_tfx.schemas.section import Section


class BeamConfig(Section):
    """How Beam runs."""

    pipeline_args: tuple[str, ...] = Field(
        beam_arguments.IN_PROCESS,
        description="passed to every Beam component, see docs/beam.md",
    )

    @field_validator("pipeline_args")
    @classmethod
    def _can_run(cls, arguments: tuple[str, ...]) -> tuple[str, ...]:
        beam_arguments.check(arguments)
        return arguments
