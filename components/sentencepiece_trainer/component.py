"""The SentencePieceTrainer component."""

import json

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel_utils, standard_artifacts

from ulmfit_tfx.components.sentencepiece_trainer.executor import CLEANING, MAX_TEXT_BYTES, TOKENIZER, Executor
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.code_version import code_version
from ulmfit_tfx.schemas.config.cleaning import WordCleaningConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig


class SentencePieceTrainer(base_component.BaseComponent):
    """Trains a SentencePiece model on a sample of the train split's texts, cleaned as the served graph will clean them.

    Output `tokenizer`, a standard `Model` artifact, laid out as `ulmfit_tfx.transforms.tokenizer_layout` says. Its
    property `trained_on` says in words how many of how many texts the sample had.
    """

    SPEC_CLASS = specs.SentencePieceTrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        tokenizer: TokenizerConfig,
        cleaning: WordCleaningConfig,
        seed: int,
        max_text_bytes: int,
    ):
        """Describes the training.

        Args:
            examples: As CorpusIngest writes them.
            tokenizer: Type, size and symbols.
            cleaning: What is done to texts first.
            seed: Of the sample of texts.
            max_text_bytes: Longest text, `max_row_bytes` of the corpus.
        """
        config = {
            TOKENIZER: tokenizer.model_dump(mode="json"),
            CLEANING: cleaning.model_dump(mode="json"),
            MAX_TEXT_BYTES: max_text_bytes,
        }
        super().__init__(
            spec=specs.SentencePieceTrainerSpec(
                **{
                    specs.EXAMPLES: examples,
                    specs.CONFIG: json.dumps(config),
                    specs.SEED: seed,
                    specs.CODE_VERSION: code_version(Executor),
                    specs.TOKENIZER: channel_utils.as_channel([standard_artifacts.Model()]),
                }
            )
        )
