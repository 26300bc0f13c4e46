"""What a language model says of itself."""

from typing import Literal

from ulmfit_tfx.trainer_modules.serving.model_info import ModelInfo


class LanguageModelInfo(ModelInfo):
    """Of a language model."""

    task: Literal["language_model"]
