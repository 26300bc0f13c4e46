"""The pipeline of a language model."""

from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_core import ErrorDetails, InitErrorDetails
from typing_extensions import override

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.language_model import LanguageModelConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.config.pretrained import PretrainedConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.section import NO_USE, said_of


class LanguageModelPipelineConfig(PipelineConfig):
    """A pipeline that trains a language model, and no other model from its encoder."""

    task: Literal["language_model"] = "language_model"
    data: None = Field(None, description="there are no labelled rows: their place is `corpus`")
    cleaning: CleaningConfig = CleaningConfig()
    pretrained: PretrainedConfig | None = Field(
        None, description="start from an imported encoder; its sizes and its tokenizer then come with it"
    )
    language_model: LanguageModelConfig = Field(
        default_factory=LanguageModelConfig, description="train a language model on `corpus`"
    )
    tokenizer: TokenizerConfig | None = Field(None, validate_default=True)

    @property
    def max_seq_len(self) -> int:
        """Pieces of a text that a model looks at."""
        return self.language_model.max_seq_len

    @classmethod
    @override
    def explained(cls, error: ErrorDetails) -> InitErrorDetails:
        if error["loc"] == ("data",):
            reason = "is set, and task language_model has no labelled rows: their place is corpus"
            return said_of(error, NO_USE, reason)
        return super().explained(error)

    @field_validator("language_model", mode="before")
    @classmethod
    def _trained_in_any_case(cls, language_model: Any) -> Any:
        return {} if language_model is None else language_model
