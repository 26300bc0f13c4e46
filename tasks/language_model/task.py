"""Language modelling: unlabelled texts."""

from typing import TYPE_CHECKING

from ulmfit_tfx.tasks.language_model.config import LanguageModelPipelineConfig
from ulmfit_tfx.tasks.language_model.model_info import LanguageModelInfo
from ulmfit_tfx.tasks.task import Task

if TYPE_CHECKING:
    from ulmfit_tfx.evaluation.task_card import TaskCard


class LanguageModelTask(Task[LanguageModelInfo]):
    """See `Task`."""

    name = "language_model"
    noun = "language model"
    hub_tag = "text-generation"
    config = LanguageModelPipelineConfig
    info = LanguageModelInfo
    run_fn = "ulmfit_tfx.tasks.language_model.trainer.run_fn"
    preprocessing_fn = "ulmfit_tfx.tasks.language_model.preprocessing.preprocessing_fn"

    def card(self, info: LanguageModelInfo) -> "TaskCard":
        """See `Task`."""
        from ulmfit_tfx.tasks.language_model.card import task_card

        return task_card(info)


TASK = LanguageModelTask()
