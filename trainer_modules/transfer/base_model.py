"""Starts a model from an encoder of another one."""

import keras

from ulmfit_tfx.schemas.config import Direction, EncoderConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.serving.saved_model import BACKWARD, read_exported
from ulmfit_tfx.trainer_modules.transfer.exported_weights import assign_exported, check_tokenizer
from ulmfit_tfx.transforms.tokenization import Tokenizer


def base_directions(base_model: str) -> tuple[Direction, ...]:
    """The directions in which the encoders of an exported model read: one, or forward and backward.

    Args:
        base_model: Folder of its SavedModel.

    Raises:
        DataError: The model was not exported by ulmfit-tfx.
    """
    return read_exported(base_model).directions


def encoder_from(
    base_model: str,
    dropouts: EncoderConfig,
    tokenizer: Tokenizer,
    seed: int | None,
    direction: Direction | None = None,
    name: str = "encoder",
) -> tuple[keras.Model, EncoderConfig]:
    """Builds an encoder of an exported model, with its weights.

    Args:
        base_model: Folder of its SavedModel.
        dropouts: Where dropout rates and zoneout are taken from; the rest is the exported model's.
        tokenizer: The one of the new model.
        seed: Of dropouts.
        direction: Which of its encoders. None: the only one, or the forward one.
        name: Of the encoder.

    Returns:
        The encoder, and its configuration.

    Raises:
        DataError: The model was not exported by ulmfit-tfx, it was trained with another tokenizer, or has no encoder of
            that direction.
    """
    exported = read_exported(base_model)
    check_tokenizer(exported, base_model, tokenizer)
    direction = direction or exported.directions[0]
    if direction not in exported.directions:
        raise DataError(f"{base_model}: has no {direction} encoder, only a {' and a '.join(exported.directions)} one.")
    prefix = BACKWARD if direction == "backward" and "forward" in exported.directions else ""
    own = {"dropout": dropouts.dropout, "zoneout": dropouts.zoneout, "direction": direction}
    config = exported.encoder.model_copy(update=own)
    encoder = build_encoder(config, tokenizer.vocab_size, tokenizer.special_ids.pad, seed, name)
    assign_exported(encoder, exported, base_model, prefix)
    return encoder, config
