"""The section `training`: of the model of a task with rows."""

from typing import Literal

from pydantic import Field, PositiveInt, model_validator
from typing_extensions import override

from ulmfit_tfx.schemas.config.optimization import OptimizationConfig

BestBy = Literal["loss", "accuracy", "micro_f1"]


class WordTrainingConfig(OptimizationConfig):
    """Training of a tagger."""

    max_seq_len: int = Field(256, ge=3, description="pieces; what is longer is cut")
    best_by: BestBy = Field(
        "loss",
        description="the epoch with the lowest eval loss, or with the highest eval accuracy, is kept, and counts for "
        "early stopping. With few labels the loss rises while the accuracy still does too. micro_f1: in place of the "
        "accuracy where a row or a word has several labels",
    )
    gradual_unfreezing: bool = Field(
        False, description="train the head alone in the first epoch, then one more layer group each epoch, top down"
    )
    calibrate: bool = Field(
        True, description="scale the probabilities by a temperature that is fitted on the eval split"
    )
    shuffle_buffer: PositiveInt = Field(20_000, description="texts held in memory for shuffling")

    @classmethod
    @override
    def why_no(cls, field: str) -> str | None:
        return "is set, and a tagger has no use for it" if field in TrainingConfig.model_fields else None


class TrainingConfig(WordTrainingConfig):
    """Training of a model of whole texts."""

    max_seq_len: int = Field(
        400, ge=3, description="pieces that are trained on; see head.read_pieces for what is read afterwards"
    )

    chunk_pieces: PositiveInt | None = Field(
        None,
        description="read texts in chunks of so many pieces, the state carried over, so that memory does not grow with "
        "the length of the text. null: texts are read whole",
    )
    gradient_pieces: PositiveInt | None = Field(
        None, description="with chunk_pieces: gradients flow through the last so many pieces of a text. null: all"
    )

    @model_validator(mode="after")
    def _gradients_are_cut_between_chunks(self):
        if self.gradient_pieces is not None and self.chunk_pieces is None:
            raise ValueError("gradient_pieces is set and chunk_pieces is not")
        return self
