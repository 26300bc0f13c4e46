"""Builds an encoder of an exported model as a training does: of its sizes, with its weights."""

from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.transfer.base_model import BaseModel


def encoder_from(folder, tokenizer, direction=None, dropouts=None):
    """The encoder and its configuration; that of the first direction if none is named."""
    base = BaseModel.read(str(folder), tokenizer)
    direction = direction or base.directions[0]
    config = base.encoder_config(dropouts or EncoderConfig(), direction)
    encoder = build_encoder(config, tokenizer.vocab_size, tokenizer.special_ids.pad)
    base.give_weights(encoder, direction)
    return encoder, config
