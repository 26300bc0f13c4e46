"""The EncoderImporter component."""

import json

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel_utils, standard_artifacts

from ulmfit_tfx.components.encoder_importer.executor import CLEANING, FIXED_SEQ_LEN, MAX_SEQ_LEN, PRETRAINED, Executor
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.code_version import code_version
from ulmfit_tfx.schemas.config.cleaning import WordCleaningConfig
from ulmfit_tfx.schemas.config.pretrained import PretrainedConfig


class EncoderImporter(base_component.BaseComponent):
    """Imports a pretrained encoder, checked layer by layer against its source.

    Output `model`, a standard `Model` artifact for the channel `base_model` of Trainer and Tuner:

        Format-Serving/     the SavedModel, with the encoder's signatures
        keras_weights/      and encoder.json: see `ulmfit_tfx.trainer_modules.serving.encoder_folder`
        encoder.json

    Output `tokenizer`, a standard `Model` artifact, laid out as `ulmfit_tfx.transforms.tokenizer_layout` says, which
    stands where SentencePieceTrainer's would.
    """

    SPEC_CLASS = specs.EncoderImporterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        pretrained: PretrainedConfig,
        input_fingerprint: str,
        cleaning: WordCleaningConfig | None = None,
        fixed_seq_len: int | None = 70,
        max_seq_len: int = 512,
    ):
        """Describes the import.

        Args:
            pretrained: The checkpoint and its tokenizer.
            input_fingerprint: Of the files' content, see `checkpoint_files`: TFX does not look into files.
            cleaning: What the pipeline does to texts, beside what the encoder demands.
            fixed_seq_len: T of the SavedModel's encoder signatures; None: the longest text of the batch.
            max_seq_len: Bound of T where `fixed_seq_len` is None.
        """
        config = {
            PRETRAINED: pretrained.model_dump(mode="json"),
            CLEANING: (cleaning or WordCleaningConfig()).model_dump(mode="json"),
            FIXED_SEQ_LEN: fixed_seq_len,
            MAX_SEQ_LEN: max_seq_len,
        }
        super().__init__(
            spec=specs.EncoderImporterSpec(
                **{
                    specs.CONFIG: json.dumps(config),
                    specs.INPUT_FINGERPRINT: input_fingerprint,
                    specs.CODE_VERSION: code_version(Executor),
                    specs.MODEL: channel_utils.as_channel([standard_artifacts.Model()]),
                    specs.TOKENIZER: channel_utils.as_channel([standard_artifacts.Model()]),
                }
            )
        )
