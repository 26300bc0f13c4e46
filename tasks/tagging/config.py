"""The pipeline of a tagging."""

from typing import Literal

from pydantic import Field, model_validator

from ulmfit_tfx.schemas.config.cleaning import WordCleaningConfig
from ulmfit_tfx.schemas.config.head import TaggerHeadConfig
from ulmfit_tfx.schemas.config.labelled_pipeline import LabelledPipelineConfig
from ulmfit_tfx.schemas.config.sources.tagged_words import TaggedWords
from ulmfit_tfx.schemas.config.tokenizer import SentencePieceConfig
from ulmfit_tfx.schemas.config.training import WordTrainingConfig
from ulmfit_tfx.tasks.tagging.section import TaggingConfig


class TaggingPipelineConfig(LabelledPipelineConfig):
    """A pipeline that trains a tagger of words."""

    task: Literal["tagging"] = "tagging"
    data: TaggedWords = Field(description="labelled rows")
    cleaning: WordCleaningConfig = WordCleaningConfig()
    tokenizer: SentencePieceConfig | None = Field(None, validate_default=True)
    head: TaggerHeadConfig = TaggerHeadConfig()
    tagging: TaggingConfig = TaggingConfig()
    training: WordTrainingConfig = WordTrainingConfig()

    @property
    def tags(self) -> TaggingConfig:
        """The tags of words and how raw text is cut into words."""
        return self.tagging

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of what the task's model is measured by, as in `ThresholdsConfig`."""
        if self.tagging.tag_separator is not None:
            return ("micro_f1", "macro_f1")
        entities = ("entity_f1", "entity_precision", "entity_recall")
        return ("accuracy",) if self.tagging.scheme == "plain" else (*entities, "accuracy")

    @property
    def measured_in_training(self) -> str:
        """The measure beside the loss that tells the best epoch."""
        return "accuracy" if self.tagging.tag_separator is None else "micro_f1"

    @model_validator(mode="after")
    def _one_tag_or_several(self):
        tagging = self.tagging
        if tagging.tag_separator is not None and (tagging.scheme, tagging.decoder) != ("plain", "softmax"):
            raise ValueError(
                f"tagging.tag_separator is set, and several tags a word take scheme plain and decoder softmax, not "
                f"{tagging.scheme} and {tagging.decoder}"
            )
        if tagging.tag_separator is None and tagging.threshold is not None:
            raise ValueError(
                "tagging.threshold is set, and without tagging.tag_separator a word gets its most probable tag"
            )
        return self

    @model_validator(mode="after")
    def _windows_leave_room(self):
        overlap, longest = self.tagging.window_overlap, self.training.max_seq_len
        if overlap >= longest - 2:
            raise ValueError(
                f"tagging.window_overlap is {overlap}, and windows of training.max_seq_len = {longest} hold "
                f"{longest - 2} pieces"
            )
        return self
