"""What the sections of all trainings have in common."""

from typing import Literal

from pydantic import Field, PositiveInt, field_validator

from ulmfit_tfx.schemas.section import Probability, Section


class OptimizationConfig(Section):
    """What every training has."""

    epochs: PositiveInt | None = Field(
        None,
        description="null: by the number of train rows, the fewer of these the more, 4 to 20: 20 for taggers of 1,000 "
        "sentences and 5 of 20,000, 19 for models of 100 whole texts and 6 of 1,000",
    )
    batch_size: PositiveInt = Field(32, description="rows of a step, shared out among the GPUs")
    learning_rate: float = Field(3e-3, gt=0, le=10, description="peak of the schedule")
    schedule: Literal["one_cycle", "slanted_triangular", "constant"] = "one_cycle"
    warm_up: float | None = Field(
        None,
        ge=0,
        le=1,
        description="share of the steps before the peak. null: 0.25 (one_cycle), 0.1 (slanted_triangular)",
    )
    momentum: tuple[Probability, Probability] | None = Field(
        None,
        description="one_cycle: Adam's beta_1 at the beginning and end, and at the peak, both below 1; fastai: 0.95, "
        "0.85. null: 0.9 throughout, as with the other schedules",
    )
    beta_2: Probability = Field(0.999, description="Adam's; fastai: 0.99")
    epsilon: float = Field(1e-7, gt=0, lt=1, description="Adam's; fastai: 1e-5")
    weight_decay: float = Field(0.01, ge=0, le=1, description="decoupled")
    gradient_clip_norm: float | None = Field(1.0, gt=0, description="of all gradients together")
    layer_rate_factor: float | None = Field(
        None,
        ge=1,
        le=100,
        description="each layer group learns so many times slower than the one above it. null: 2.6 for what starts "
        "from a pretrained encoder, else 1",
    )
    mixed_precision: Literal["auto", "off", "float16", "bfloat16"] = Field(
        "auto", description="of the layers' products; weights are float32. auto: float16 where there is a GPU, else off"
    )
    early_stopping_patience: PositiveInt | None = Field(
        None, description="stop after so many epochs none of which was the best so far. null: never"
    )
    checkpoint_seconds: float = Field(30.0, ge=0, description="least time between checkpoints; a killed run goes on")

    @field_validator("momentum")
    @classmethod
    def _momentum_lowest_at_the_peak(cls, momentum: tuple[float, float] | None) -> tuple[float, float] | None:
        if momentum is not None and momentum[0] < momentum[1]:
            raise ValueError("is in ascending order, expected the higher one first, such as [0.95, 0.85]")
        return momentum

    @property
    def warm_up_share(self) -> float:
        """Share of the steps before the peak of the schedule."""
        if self.warm_up is not None:
            return self.warm_up
        return 0.1 if self.schedule == "slanted_triangular" else 0.25
