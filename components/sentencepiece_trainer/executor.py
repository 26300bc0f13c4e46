"""What SentencePieceTrainer does."""

import json
import re
from io import BytesIO
from typing import Any

import sentencepiece
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils

from ulmfit_tfx.components.example_texts import cleaned_texts
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.config import CleaningConfig, TokenizerConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.splitting import TRAIN, sample
from ulmfit_tfx.transforms.tokenizer_files import vocabulary, write_tokenizer

TOKENIZER, CLEANING, MAX_TEXT_BYTES = "tokenizer", "cleaning", "max_text_bytes"

SPECIAL_IDS = {"unk_id": 0, "pad_id": 1, "bos_id": 2, "eos_id": 3}
_HIGHEST_SIZE = re.compile(r"value <= (\d+)")
_LOWEST_SIZE = re.compile(r"smaller than required_chars\. \d+ vs (\d+)")


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
        texts = sample(cleaned, exec_properties[specs.SEED], config.sample_texts)
        model = train(texts, config, parts[MAX_TEXT_BYTES])
        folder = artifact_utils.get_single_uri(output_dict[specs.TOKENIZER])
        write_tokenizer(folder, model, vocabulary(model), config, cleaning)


def train(texts: list[str], config: TokenizerConfig, max_text_bytes: int) -> bytes:
    """Trains a SentencePiece model.

    Args:
        texts: One or more.
        config: Type, size and symbols.
        max_text_bytes: SentencePiece skips longer texts without a word.

    Returns:
        The serialized model.

    Raises:
        DataError: The texts cannot fill the vocabulary.
    """
    model = BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            model_type=config.model_type,
            vocab_size=config.vocab_size,
            character_coverage=config.character_coverage,
            user_defined_symbols=list(config.user_defined_symbols),
            max_sentence_length=4 * max_text_bytes,
            num_threads=1,  # more threads add up in another order and give another model
            **SPECIAL_IDS,
        )
    except RuntimeError as error:
        if highest := _HIGHEST_SIZE.search(str(error)):
            advice = f"cannot fill {config.vocab_size:,} pieces. Set tokenizer.vocab_size to {highest[1]} at most"
        elif lowest := _LOWEST_SIZE.search(str(error)):
            advice = f"hold more than {config.vocab_size:,} characters. Set tokenizer.vocab_size above {lowest[1]}"
        else:
            advice = "cannot train a tokenizer"
        raise DataError(f"{len(texts):,} texts {advice}. (SentencePiece: {error})") from None
    return model.getvalue()
