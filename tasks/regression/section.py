"""The section `regression`: what sets a regressor's training apart."""

from typing import Literal

from pydantic import Field, model_validator

from ulmfit_tfx.schemas.section import Section


class RegressionConfig(Section):
    """What a regressor learns from."""

    loss: Literal["mse", "mae", "huber"] = "mse"
    huber_delta: float = Field(1.0, gt=0, description="huber: where it becomes linear, in units of the learned numbers")
    normalize: Literal["standard", "range", "off"] = Field(
        "standard",
        description="what is learned: standard: numbers of mean 0 and deviation 1; range: from 0 to 1. Undone when "
        "serving",
    )
    bounds: tuple[float, float] | None = Field(
        None, description="lowest and highest answer, such as [1, 5]: a scaled sigmoid keeps answers between. null: any"
    )
    balance: Literal["off", "weights", "oversample"] = Field(
        "off",
        description="where some numbers dominate: rows of rare ones count more (weights) or occur more often "
        "(oversample), by bins of the first target",
    )
    balance_bins: int = Field(10, ge=2, le=1000, description="bins of equal width between the lowest and the highest")
    balance_limit: float = Field(10.0, ge=1, description="most that a row counts, or occurs, beside one that is common")

    @model_validator(mode="after")
    def _bounds_in_order(self):
        if self.bounds is not None and self.bounds[0] >= self.bounds[1]:
            raise ValueError(f"bounds is {list(self.bounds)}, expected the lower one first")
        return self
