"""A whole pipeline: the sections of the YAML file, of which each task has a class with those that it has a use for."""

import importlib
from collections.abc import Mapping
from typing import Any

from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    NonNegativeInt,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError
from typing_extensions import override

from ulmfit_tfx.schemas.config.beam import BeamConfig
from ulmfit_tfx.schemas.config.cleaning import WordCleaningConfig
from ulmfit_tfx.schemas.config.data_schema import SchemaConfig
from ulmfit_tfx.schemas.config.encoder import (
    EncoderConfig,
    EncoderSizesConfig,
    ImportedEncoderConfig,
    UndirectedEncoderConfig,
)
from ulmfit_tfx.schemas.config.evaluation import LANGUAGE_MODEL_MEASURES, LanguageModelEvaluationConfig
from ulmfit_tfx.schemas.config.export import ExportConfig
from ulmfit_tfx.schemas.config.kubeflow import KubeflowConfig
from ulmfit_tfx.schemas.config.language_model import LanguageModelConfig
from ulmfit_tfx.schemas.config.pretrained import CheckpointConfig, PretrainedConfig
from ulmfit_tfx.schemas.config.serving import PushConfig, ServingConfig
from ulmfit_tfx.schemas.config.sources.by_format import FORMAT, formats_of
from ulmfit_tfx.schemas.config.sources.labelled import LabelledSourceConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.taught_texts import TaughtTextsConfig
from ulmfit_tfx.schemas.config.sources.texts import TextSource
from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.schemas.config.teacher_shares import DISTILLATION
from ulmfit_tfx.schemas.config.tokenizer import SentencePieceConfig, TokenizerConfig
from ulmfit_tfx.schemas.config.user_code import ComponentConfig, TrainerConfig
from ulmfit_tfx.schemas.section import NO_USE, UNKNOWN_FIELD, Section, listed, said_of, sections_of

TRANSFER = f"{DISTILLATION}.data"
"""Section of a teacher's rows."""
_TASKS = "ulmfit_tfx.tasks"
"""Not imported here, as it is made of what stands here: its table is looked up when it is needed."""


class PipelineConfig(Section):
    """A whole pipeline.

    This is the class of all of them: `PipelineConfig(task="tagging", ...)`, and `model_validate` as well, give an
    instance of the class of their task. The first task of the table is that of a configuration that names none.
    """

    name: str = Field(pattern=r"^[A-Za-z][\w-]*$", description="names the run's folder and the served model")
    task: str
    seed: NonNegativeInt = Field(42, lt=2**31, description="of splits, sampling, weights, dropout and shuffling")
    data: LabelledSourceConfig | None
    corpus: TextSource | None = Field(
        None,
        description="unlabelled text that the tokenizer and the language model are trained on. null: the tokenizer is "
        "trained on the train split of `data`",
    )
    cleaning: WordCleaningConfig
    pretrained: CheckpointConfig | None = Field(
        None, description="start from an imported encoder; its sizes and its tokenizer then come with it"
    )
    language_model: LanguageModelConfig | None = Field(
        None, description="train a language model on `corpus`, and start the task model from its encoder"
    )
    tokenizer: SentencePieceConfig | None
    encoder: EncoderConfig | UndirectedEncoderConfig | ImportedEncoderConfig = Field(
        default_factory=EncoderConfig, validate_default=True
    )
    export: ExportConfig = ExportConfig()
    data_schema: SchemaConfig = SchemaConfig()
    evaluation: LanguageModelEvaluationConfig = LanguageModelEvaluationConfig()
    push: PushConfig = PushConfig()
    serving: ServingConfig = ServingConfig()
    beam: BeamConfig = BeamConfig()
    kubeflow: KubeflowConfig | None = Field(None, description="run in a cluster")
    trainer: TrainerConfig = TrainerConfig()
    components: tuple[ComponentConfig, ...] = Field(
        (),
        description="TFX components of your own, each with `class`, `after` and where needed `name`, `before`, "
        "`inputs`, `parameters`; see docs/adding-a-component.md",
    )
    sample_texts: tuple[str, ...] = Field(
        (), description="texts that the new model labels, or continues, at the end of a run"
    )

    def __new__(cls, *arguments: Any, **values: Any) -> "PipelineConfig":
        """Makes one of the class of its task."""
        return super().__new__(_kind_of(values) if cls is PipelineConfig else cls)

    @property
    def max_seq_len(self) -> int:
        """Pieces of a text that a model looks at."""
        raise NotImplementedError

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of what the task's model is measured by, as in `ThresholdsConfig`; none of a language model."""
        return ()

    @property
    def tags(self) -> TagsConfig | None:
        """The tags of words and how raw text is cut into words, where rows are words with tags."""
        return None

    @property
    def weighted_labels(self) -> tuple[str, ...] | None:
        """Labels that have weights, by their names, where some have."""
        return None

    @property
    def transfer(self) -> TaughtTextsConfig | None:
        """Where a teacher's rows come from, where there is one."""
        return None

    @property
    def sources(self) -> dict[str, SourceConfig]:
        """Sources of rows and texts, by section."""
        found = {"data": self.data, "corpus": self.corpus, TRANSFER: self.transfer}
        return {section: source for section, source in found.items() if source is not None}

    @property
    def warmup_texts(self) -> tuple[str, ...]:
        """Texts of the requests that go out with a pushed model."""
        given = self.serving.warmup_texts
        return self.sample_texts if given is None else given

    @property
    def reads_pairs(self) -> bool:
        """Whether two texts are read apart, see `HeadConfig.pairs`."""
        return False

    @property
    def separator(self) -> str | None:
        """What cuts a text into parts, see `TokenizerConfig.separator`."""
        section = self.pretrained or self.tokenizer
        return section.separator if isinstance(section, PretrainedConfig | TokenizerConfig) else None

    @property
    def tokenizer_to_train(self) -> TokenizerConfig | None:
        """The section `tokenizer` with the separator that is meant, where one is trained."""
        if self.tokenizer is None:
            return None
        return TokenizerConfig.model_validate(self.tokenizer).model_copy(update={"separator": self.separator})

    @property
    def checkpoint_to_import(self) -> PretrainedConfig | None:
        """The section `pretrained` with the separator that is meant, where there is one."""
        if self.pretrained is None:
            return None
        return PretrainedConfig.model_validate(self.pretrained).model_copy(update={"separator": self.separator})

    @classmethod
    @override
    def why_no(cls, field: str) -> str | None:
        if any(field in kind.model_fields for kind in pipelines_by_task().values()):
            return f"is set, and the task is {_task_of(cls)}"
        return None

    @classmethod
    @override
    def why_needed(cls, field: str) -> str:
        return f", the labelled rows of task {_task_of(cls)}" if field == "data" else ""

    @classmethod
    @override
    def explained(cls, error: ErrorDetails) -> InitErrorDetails:
        section, *field = error["loc"] or ("",)
        if section == "data" and not field and error["input"] is None:
            return said_of(error, NO_USE, f"is missing{cls.why_needed('data')}")
        if section == "data" and len(field) == 1:
            if error["type"] == UNKNOWN_FIELD and any(field[0] in source.model_fields for source in _sources()):
                return said_of(error, NO_USE, f"is set, and task {_task_of(cls)} has no use for it")
            if error["type"] == "literal_error" and field[0] == FORMAT and error["input"] in formats_of(_sources()):
                formats = formats_of(list(sections_of(cls.model_fields["data"].annotation)))
                of_words = f"words_{error['input']}"
                hint = f". A file with a word and its tag a row is {of_words}" if of_words in formats else ""
                reads = ", ".join(formats)
                return said_of(error, NO_USE, f"is {error['input']}, and task {_task_of(cls)} reads {reads}{hint}")
        return super().explained(error)

    @model_validator(mode="wrap")
    @classmethod
    def _of_its_task(cls, values: Any, handler: ModelWrapValidatorHandler[Any]) -> Any:
        if cls is PipelineConfig and isinstance(values, PipelineConfig):
            return values
        if cls is PipelineConfig and isinstance(values, Mapping):
            return _kind_of(values).model_validate(values)
        return handler(values)

    @field_validator("tokenizer", mode="before")
    @classmethod
    def _tokenizer_unless_one_is_imported(cls, tokenizer: Any, others: ValidationInfo) -> Any:
        is_trained = others.data.get("pretrained") is None
        if tokenizer is not None and not is_trained:
            raise _both_are_set("and the tokenizer comes with the checkpoint")
        return {} if tokenizer is None and is_trained else tokenizer

    @field_validator("encoder", mode="wrap")
    @classmethod
    def _encoder_of_its_kind(cls, encoder: Any, handler: Any, others: ValidationInfo) -> Any:
        if others.data.get("pretrained") is not None:
            return ImportedEncoderConfig.model_validate(encoder)
        has_direction = others.data.get("language_model") is None
        return (EncoderConfig if has_direction else UndirectedEncoderConfig).model_validate(encoder)

    @model_validator(mode="after")
    def _corpus_is_read(self):
        if self.corpus is not None and self.pretrained is not None and self.language_model is None:
            raise ValueError("corpus and pretrained are both set, and the tokenizer comes with the checkpoint")
        return self

    @model_validator(mode="after")
    def _language_model_has_a_corpus(self):
        if self.language_model is None:
            return self
        if self.corpus is None:
            raise ValueError("corpus is missing, the text that the language model is trained on")
        if not self.corpus.splits.eval:
            raise ValueError("corpus.splits.eval is 0, the texts that the language model is evaluated on")
        if isinstance(self.encoder, EncoderSizesConfig) and self.language_model.tied:
            first, last = self.encoder.embedding_size, self.encoder.hidden_sizes[-1]
            if first != last:
                raise ValueError(
                    f"language_model.tied is true, and it takes equal sizes: encoder.embedding_size is {first}, the "
                    f"last of encoder.hidden_sizes {last}"
                )
        if self.tokenizer is not None and self.tokenizer.vocab_size is not None:
            try:
                self.language_model.negatives_of(self.tokenizer.vocab_size)
            except ValueError as error:
                raise ValueError(f"language_model.{error}, which is tokenizer.vocab_size") from None
        if self.pretrained is not None and self.language_model.direction == "both":
            raise ValueError("language_model.direction is both, and the pretrained encoder reads in one direction")
        return self

    @model_validator(mode="after")
    def _perplexity_of_a_language_model(self):
        for name in LANGUAGE_MODEL_MEASURES:
            if getattr(self.evaluation.thresholds, name) is not None and self.language_model is None:
                raise ValueError(
                    f"evaluation.thresholds.{name} is set, and there is no language model to hold against it"
                )
        return self


def _both_are_set(reason: str) -> PydanticCustomError:
    return PydanticCustomError(NO_USE, f"and pretrained are both set, {reason}")


def pipelines_by_task() -> dict[str, type[PipelineConfig]]:
    """The class of each task."""
    return {name: task.config for name, task in importlib.import_module(_TASKS).TASKS.items()}


def _kind_of(values: Mapping[str, Any]) -> type[PipelineConfig]:
    """The class of the task that a configuration names.

    Raises:
        ValidationError: There is no such task.
    """
    kinds = pipelines_by_task()
    task = values.get("task", next(iter(kinds)))
    if not isinstance(task, str) or task not in kinds:
        expected = {"expected": listed(tuple(kinds))}
        raise ValidationError.from_exception_data(
            PipelineConfig.__name__, [{"type": "literal_error", "loc": ("task",), "input": task, "ctx": expected}]
        )
    return kinds[task]


def _task_of(kind: type[PipelineConfig]) -> str:
    return kind.model_fields["task"].default


def _sources() -> list[type[Section]]:
    """The kinds of sources of all tasks, and of texts."""
    return [
        source
        for kind in pipelines_by_task().values()
        for section in ("data", "corpus")
        for source in sections_of(kind.model_fields[section].annotation)
    ]
