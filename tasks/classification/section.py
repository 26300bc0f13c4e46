"""The section `classification`: what sets a classifier's training apart."""

from typing import Annotated, Literal

from pydantic import Field

from ulmfit_tfx.schemas.section import Probability, Section

_GIVEN_FROM = 0.5


class ClassificationConfig(Section):
    """What a classifier learns from."""

    class_weights: Literal["balanced"] | dict[str, Annotated[float, Field(ge=0)]] | None = Field(
        None,
        description="of each class in the loss, by its name; balanced: rows / (classes * rows of the class). "
        "Not with several labels a row",
    )
    label_smoothing: Probability = Field(0.0, description="share of the target spread over all classes")
    threshold: float | None = Field(
        None, gt=0, lt=1, description="several labels a row: probability from which one is given. null: 0.5"
    )

    @property
    def given_from(self) -> float:
        """Probability from which a label is given, where there may be several."""
        return _GIVEN_FROM if self.threshold is None else self.threshold
