"""What sets a task apart, as one object. Importing it loads no TensorFlow: methods import what is heavy."""

import abc
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from ulmfit_tfx.schemas.config.labelled_pipeline import LabelledPipelineConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.trainer_modules.serving.loaded_model import AnswerT, InfoT, Predictor
from ulmfit_tfx.trainer_modules.serving.model_info import ModelInfo
from ulmfit_tfx.trainer_modules.serving.signature_contract import SignatureContract

if TYPE_CHECKING:
    import tensorflow_model_analysis as tfma
    from rich.console import Console

    from ulmfit_tfx.evaluation.contest import Contest
    from ulmfit_tfx.evaluation.task_card import TaskCard
    from ulmfit_tfx.evaluation.task_view import TaskView
    from ulmfit_tfx.transforms.records.record import Row

ConfigT = TypeVar("ConfigT", bound=LabelledPipelineConfig)
"""The pipelines of a task."""


class Task(abc.ABC, Generic[InfoT]):
    """A task. All that depends on the task is asked of its object, so that a new one is a folder and a line in `TASKS`.

    Attributes:
        name: What `task` of a configuration and a model's information file say.
        noun: What its model is called, such as `classifier`.
        hub_tag: Its name among the pipeline tags of the Hugging Face Hub.
        config: Its pipelines.
        info: What its models say of themselves.
        run_fn: Import path of TFX Trainer's function.
        preprocessing_fn: Import path of Transform's function.
        schema_file: Features of its examples, as pbtxt, see `schemas.config.curated_schema`.
        has_vocabulary: Whether preprocessing looks at all of the train split first, for a vocabulary of labels.
    """

    name: ClassVar[str]
    noun: ClassVar[str]
    hub_tag: ClassVar[str]
    config: ClassVar[type[PipelineConfig]]
    info: ClassVar[type[ModelInfo]]
    run_fn: ClassVar[str]
    preprocessing_fn: ClassVar[str]
    schema_file: ClassVar[Path]
    has_vocabulary: ClassVar[bool] = False

    def schema(self, source: SourceConfig) -> str:
        """Features of the examples that are made of a source, as pbtxt."""
        return self.schema_file.read_text(encoding="utf-8")

    @abc.abstractmethod
    def preprocessing_config(self, config: PipelineConfig) -> dict[str, Any]:
        """What `preprocessing_fn` has to know of a configuration."""

    @abc.abstractmethod
    def contracts(self, info: InfoT) -> dict[str, SignatureContract]:
        """What the signatures of a model promise beside the encoder's, by name."""

    @abc.abstractmethod
    def load(self, model: str | Path, info: InfoT) -> Any:
        """Loads a SavedModel, local or remote.

        Args:
            model: Its folder.
            info: What it says of itself.

        Raises:
            ConfigError: It does not load.
        """

    @abc.abstractmethod
    def show_samples(self, console: "Console", loaded: Any, texts: Sequence[str]) -> None:
        """Prints what a model that `load` has loaded says of texts."""

    @abc.abstractmethod
    def card(self, info: InfoT) -> "TaskCard":
        """What a model's card says of its task."""


class LabelledTask(Task[InfoT], Generic[InfoT, ConfigT, AnswerT]):
    """A task that learns from labelled rows and answers texts.

    Attributes:
        predictor: Asks its models.
    """

    predictor: ClassVar[type[Predictor[Any, Any]]]

    def preprocessing_config(self, config: PipelineConfig) -> dict[str, Any]:
        """See `Task`: texts are cut."""
        return {"max_seq_len": config.max_seq_len}

    @abc.abstractmethod
    def training_config(self, config: ConfigT) -> dict[str, Any]:
        """What `run_fn` has to know beside the sections `encoder`, `head`, `training` and `export`."""

    def load(self, model: str | Path, info: InfoT) -> Predictor[InfoT, AnswerT]:
        """See `Task.load`."""
        return self.predictor(model, info)

    def show_samples(self, console: "Console", loaded: Predictor[InfoT, AnswerT], texts: Sequence[str]) -> None:
        """See `Task.show_samples`."""
        self.show_answers(console, loaded.answer(texts), loaded.info)

    @abc.abstractmethod
    def show_answers(
        self, console: "Console", answers: Sequence[AnswerT], info: InfoT, with_header: bool = True
    ) -> None:
        """Prints answers of one model. What is printed in several calls lines up.

        Args:
            console: Where to.
            answers: Any number.
            info: What the model says of itself.
            with_header: Whether a table has its header line.
        """

    @abc.abstractmethod
    def show_answer(self, console: "Console", answer: AnswerT, info: InfoT) -> None:
        """Prints one answer with all that the model says."""

    @abc.abstractmethod
    def eval_config(self, config: ConfigT) -> "tfma.EvalConfig":
        """The scores by which a model is blessed, as TFMA metrics with their bounds."""

    @abc.abstractmethod
    def contest(self, info: InfoT) -> "Contest":
        """What a model and its baselines are asked about the rows of the test split."""

    @abc.abstractmethod
    def report_view(self, info: InfoT, rows: "Sequence[Row]", predictions: Sequence[AnswerT]) -> "TaskView":
        """Rows beside what a model predicts for them, as the report shows them."""

    @abc.abstractmethod
    def question(self, info: InfoT) -> dict[str, str]:
        """What a model is asked, beside its labels: by name what two models need to have in common to be compared.

        The order of labels, the encoder and the thresholds are each model's own affair.
        """

    def why_not_comparable(self, served: ModelInfo | None, candidate: InfoT) -> str | None:
        """Whether the same expected answers can be held against two models.

        Args:
            served: What the model in service says of itself; None where it says nothing.
            candidate: Of the new model, which is of this task.

        Returns:
            The first difference, in words; None where there is none.
        """
        if served is None:
            return "it has no information file, so ulmfit-tfx did not export it"
        if not isinstance(served, type(candidate)):
            return f"its task is {served.task}, that of the new model {candidate.task}"
        expected, found = self.question(candidate), self.question(served)
        for name, value in expected.items():
            if found[name] != value:
                return f"its {name} is {found[name]}, that of the new model {value}"
        new, old = set(candidate.labels), set(served.labels)
        if missing := sorted(new - old):
            return f"it has no label '{missing[0]}', and the new model does"
        if gone := sorted(old - new):
            return f"it has the label '{gone[0]}', and the new model does not"
        return None
