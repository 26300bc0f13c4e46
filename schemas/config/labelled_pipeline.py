"""Pipelines of tasks that learn from labelled rows."""

from pydantic import Field, model_validator

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.corpus_statistics import CorpusStatisticsConfig
from ulmfit_tfx.schemas.config.evaluation import LANGUAGE_MODEL_MEASURES, EvaluationConfig
from ulmfit_tfx.schemas.config.head import HeadConfig, TaggerHeadConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.config.pretrained import PretrainedConfig
from ulmfit_tfx.schemas.config.sources.labelled import LabelledSourceConfig
from ulmfit_tfx.schemas.config.sources.labelled_texts import LabelledTextsConfig
from ulmfit_tfx.schemas.config.tokenizer import PAIR_SEPARATOR, TokenizerConfig
from ulmfit_tfx.schemas.config.training import TrainingConfig, WordTrainingConfig


class LabelledPipelineConfig(PipelineConfig):
    """A pipeline of a task with labelled rows."""

    data: LabelledSourceConfig = Field(description="labelled rows")
    head: TaggerHeadConfig
    training: WordTrainingConfig
    evaluation: EvaluationConfig = EvaluationConfig()

    @property
    def max_seq_len(self) -> int:
        """Pieces of a text that a model looks at."""
        return self.training.max_seq_len

    @property
    def measured_in_training(self) -> str | None:
        """The measure beside the loss that tells the best epoch, where there is one."""
        return None

    @model_validator(mode="after")
    def _best_epoch_by_what_is_measured(self):
        measured = self.measured_in_training
        if self.training.best_by not in ("loss", measured):
            choices = "loss" if measured is None else f"loss or {measured}"
            raise ValueError(f"training.best_by is {self.training.best_by}, and this task has {choices}")
        return self

    @model_validator(mode="after")
    def _comparison_has_two_sides(self):
        if self.evaluation.compare_from_scratch and (self.language_model is None or self.pretrained is not None):
            raise ValueError("evaluation.compare_from_scratch is set, and it compares with language_model alone")
        if self.evaluation.compare_from_scratch and not self.data.has_test_split:
            raise ValueError("evaluation.compare_from_scratch is set, and data.splits.test is 0: both are scored on it")
        return self

    @model_validator(mode="after")
    def _thresholds_of_what_is_measured(self):
        measured = ", ".join(self.measures)
        for name, threshold in self.evaluation.thresholds.model_dump().items():
            if threshold is not None and name not in (*LANGUAGE_MODEL_MEASURES, *self.measures):
                raise ValueError(f"evaluation.thresholds.{name} is set, and this task is measured by {measured}")
        if self.evaluation.allowed_drop and not self.evaluation.compare_with_served:
            raise ValueError("evaluation.allowed_drop is set, and evaluation.compare_with_served is false")
        for name in self.evaluation.allowed_drop:
            if name not in self.measures:
                raise ValueError(f"evaluation.allowed_drop names '{name}', and this task is measured by {measured}")
        return self


class DocumentPipelineConfig(LabelledPipelineConfig):
    """A pipeline of a task that says something of whole texts."""

    data: LabelledTextsConfig = Field(description="labelled rows")
    cleaning: CleaningConfig = CleaningConfig()
    pretrained: PretrainedConfig | None = Field(
        None, description="start from an imported encoder; its sizes and its tokenizer then come with it"
    )
    tokenizer: TokenizerConfig | None = Field(None, validate_default=True)
    head: HeadConfig = HeadConfig()
    training: TrainingConfig = TrainingConfig()
    corpus_statistics: CorpusStatisticsConfig = Field(
        CorpusStatisticsConfig(), description="of `corpus` and of the train split, for the branches of `head`"
    )

    @property
    def max_seq_len(self) -> int:
        """Pieces of a text that a model looks at when it is asked; in training it is shown less."""
        return max(self.training.max_seq_len, self.head.read_pieces)

    @property
    def needs_corpus_statistics(self) -> bool:
        """Whether vectors of pieces or topics are asked for."""
        branches = self.head.branches
        return branches is None or not {"vectors", "topics"}.isdisjoint(branches)

    @property
    def reads_pairs(self) -> bool:
        """Whether two texts are read apart, see `HeadConfig.pairs`."""
        return self.data.second_text_column is not None if self.head.pairs is None else self.head.pairs

    @property
    def separator(self) -> str | None:
        """What cuts a text into parts, see `TokenizerConfig.separator`."""
        return super().separator or (PAIR_SEPARATOR if self.data.second_text_column is not None else None)

    @model_validator(mode="after")
    def _encoder_is_trained(self):
        branches = self.head.branches
        if branches is not None and "recurrent" not in branches and not (self.pretrained or self.language_model):
            raise ValueError(
                "head.branches leaves out recurrent, and nothing else trains the encoder that is served: add "
                "recurrent, or set language_model or pretrained"
            )
        return self

    @model_validator(mode="after")
    def _chunks_are_pooled_as_they_are_read(self):
        if self.head.pool_embeddings and self.training.chunk_pieces is not None:
            raise ValueError("head.pool_embeddings is true, and texts that are read in training.chunk_pieces have none")
        return self

    @model_validator(mode="after")
    def _pairs_can_be_told_apart(self):
        if self.reads_pairs and self.separator is None:
            raise ValueError("head.pairs is true, and nothing separates two texts: tokenizer.separator is null")
        section = "tokenizer" if self.pretrained is None else "pretrained"
        if self.reads_pairs and getattr(self, section).add_bos is False:
            raise ValueError(
                f"{section}.add_bos is false, and <s> is where the second text of a pair begins: set head.pairs to "
                "false to read both as one"
            )
        return self
