"""Language modelling: unlabelled texts."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.tasks.language_model.config import LanguageModelPipelineConfig
from ulmfit_tfx.tasks.language_model.contract import specs
from ulmfit_tfx.tasks.language_model.model_info import LanguageModelInfo
from ulmfit_tfx.tasks.language_model.predictor import LanguageModel
from ulmfit_tfx.tasks.task import Task
from ulmfit_tfx.trainer_modules.serving.signature_contract import SignatureContract, contracts

if TYPE_CHECKING:
    from rich.console import Console

    from ulmfit_tfx.evaluation.task_card import TaskCard

_BEAMS, _PIECES = 5, 12


class LanguageModelTask(Task[LanguageModelInfo]):
    """See `Task`.

    Attributes:
        tuner_fn: Import path of TFX Tuner's function, which finds a learning rate.
    """

    name = "language_model"
    noun = "language model"
    hub_tag = "text-generation"
    config = LanguageModelPipelineConfig
    info = LanguageModelInfo
    run_fn = "ulmfit_tfx.tasks.language_model.trainer.run_fn"
    tuner_fn = "ulmfit_tfx.tasks.language_model.trainer.tuner_fn"
    preprocessing_fn = "ulmfit_tfx.tasks.language_model.preprocessing.preprocessing_fn"
    schema_file = Path(__file__).parent / "schema.pbtxt"

    def preprocessing_config(self, config: PipelineConfig) -> dict[str, Any]:
        """See `Task`: texts are not cut."""
        return {}

    def contracts(self, info: LanguageModelInfo) -> dict[str, SignatureContract]:
        """See `Task.contracts`."""
        return contracts(specs(info.directions), {"V": info.tokenizer.vocab_size})

    def load(self, model: str | Path, info: LanguageModelInfo) -> LanguageModel:
        """See `Task.load`.

        Raises:
            ConfigError: It does not load, or only reads backward.
        """
        return LanguageModel(model, info)

    def show_samples(self, console: "Console", loaded: LanguageModel, texts: Sequence[str]) -> None:
        """Prints the most probable continuation of each."""
        from ulmfit_tfx.tasks.language_model.terminal import completion_table

        console.print(completion_table([loaded.complete(text, _BEAMS, _PIECES)[0] for text in texts]))

    def card(self, info: LanguageModelInfo) -> "TaskCard":
        """See `Task`."""
        from ulmfit_tfx.tasks.language_model.card import task_card

        return task_card(info)


TASK = LanguageModelTask()
