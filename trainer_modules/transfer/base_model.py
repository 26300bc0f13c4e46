"""The exported model that a training starts from: read once, its weights given to the encoders that are trained."""

import dataclasses
from collections.abc import Sequence

import keras
from typing_extensions import Self

from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.section import Direction
from ulmfit_tfx.trainer_modules.serving.saved_model import BACKWARD, ExportedModel, read_exported
from ulmfit_tfx.trainer_modules.transfer.exported_weights import assign_exported, check_tokenizer
from ulmfit_tfx.transforms.tokenization import Tokenizer


@dataclasses.dataclass(frozen=True)
class BaseModel:
    """An exported model with its weights.

    Attributes:
        folder: Of its SavedModel.
        exported: What is taken from it.
    """

    folder: str
    exported: ExportedModel

    @classmethod
    def read(cls, folder: str, tokenizer: Tokenizer) -> Self:
        """Reads a SavedModel, which may lie in a bucket.

        Args:
            folder: Of the SavedModel.
            tokenizer: The one of the new model.

        Raises:
            DataError: The model was not exported by ulmfit-tfx, or it was trained with another tokenizer.
        """
        exported = read_exported(folder)
        check_tokenizer(exported, folder, tokenizer)
        return cls(folder, exported)

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The directions in which its encoders read: one, or forward and backward."""
        return self.exported.directions

    def encoder_config(self, dropouts: EncoderConfig, direction: Direction) -> EncoderConfig:
        """Configuration of an encoder that takes its weights.

        Args:
            dropouts: Where dropout rates and zoneout are taken from; the rest is the exported model's.
            direction: Which of its encoders.

        Raises:
            DataError: It has no encoder of that direction.
        """
        if direction not in self.directions:
            raise DataError(f"{self.folder}: has no {direction} encoder, only a {' and a '.join(self.directions)} one.")
        own = {"dropout": dropouts.dropout, "zoneout": dropouts.zoneout, "direction": direction}
        return self.exported.encoder.model_copy(update=own)

    def give_weights(self, model: keras.Model, direction: Direction, optional: Sequence[str] = ()) -> None:
        """Assigns the weights of one of its models.

        Args:
            model: An encoder of `encoder_config`, or a model around one, with fresh weights.
            direction: Which of its encoders.
            optional: See `assign_exported`.

        Raises:
            DataError: See `assign_exported`.
        """
        prefix = BACKWARD if direction == "backward" and "forward" in self.directions else ""
        assign_exported(model, self.exported, self.folder, prefix, optional)
