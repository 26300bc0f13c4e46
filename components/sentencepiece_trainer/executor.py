"""What SentencePieceTrainer does."""

import json
import logging
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils

from ulmfit_tfx.components.example_texts import cleaned_texts
from ulmfit_tfx.components.sentencepiece_trainer.training import train
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.transforms.splitting import TRAIN, sample
from ulmfit_tfx.transforms.tokenizer_files import write_tokenizer

TOKENIZER, CLEANING, MAX_TEXT_BYTES = "tokenizer", "cleaning", "max_text_bytes"
"""Property of the artifact that says how many of how many texts it was trained on, in words."""

log = logging.getLogger(__name__)


class Executor(BaseExecutor):
    """Samples texts and trains SentencePiece on them."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Trains.

        Raises:
            DataError: The texts cannot fill the vocabulary.
        """
        parts = json.loads(exec_properties[specs.CONFIG])
        config = TokenizerConfig.model_validate(parts[TOKENIZER])
        cleaning = CleaningConfig.model_validate(parts[CLEANING])
        examples = artifact_utils.get_single_instance(input_dict[specs.EXAMPLES])

        # Not SentencePiece's own sampling, which depends on the order of the texts: Beam promises none.
        cleaned = cleaned_texts(examples, TRAIN, cleaning, config.separator)
        chosen = sample(cleaned, exec_properties[specs.SEED], config.sample_texts, config.sample_bytes)
        log.info("Training on %s", chosen.counts)
        model = train(chosen.texts, config, parts[MAX_TEXT_BYTES])

        artifact = artifact_utils.get_single_instance(output_dict[specs.TOKENIZER])
        write_tokenizer(artifact.uri, model, config, cleaning, chosen.counts)
        artifact.set_string_custom_property(specs.TRAINED_ON, str(chosen.counts))
