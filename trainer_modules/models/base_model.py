"""Starts a model from the encoder of another one."""

import keras

from ulmfit_tfx.schemas.config import EncoderConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.trainer_modules.export.saved_model import read_exported
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.transforms.tokenization import Tokenizer


def encoder_from(
    base_model: str, dropouts: EncoderConfig, tokenizer: Tokenizer, seed: int | None
) -> tuple[keras.Model, EncoderConfig]:
    """Builds the encoder of an exported model, with its weights.

    Args:
        base_model: Folder of its SavedModel.
        dropouts: Where dropout rates and zoneout are taken from; the rest is the exported model's.
        tokenizer: The one of the new model.
        seed: Of dropouts.

    Returns:
        The encoder, and its configuration.

    Raises:
        DataError: The model was not exported by ulmfit-tfx, or it was trained with another tokenizer.
    """
    exported = read_exported(base_model)
    if exported.tokenizer_sha256 != tokenizer.describe()["sha256"]:
        raise DataError(f"{base_model}: was trained with another tokenizer than the one of this pipeline.")
    config = exported.encoder.model_copy(update={"dropout": dropouts.dropout, "zoneout": dropouts.zoneout})
    encoder = build_encoder(config, tokenizer.vocab_size, tokenizer.special_ids.pad, seed)
    for weight in encoder.weights:
        value = exported.weights.get(weight.path)
        if value is None or value.shape != tuple(weight.shape):
            found = "no such weight" if value is None else f"one of shape {list(value.shape)}"
            raise DataError(f"{base_model}: {weight.path}: expected shape {list(weight.shape)}, found {found}.")
        weight.assign(value)
    return encoder, config
