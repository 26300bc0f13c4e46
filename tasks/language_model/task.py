"""Language modelling: unlabelled texts."""

from ulmfit_tfx.tasks.language_model.model_info import LanguageModelInfo
from ulmfit_tfx.tasks.task import Task


class LanguageModelTask(Task):
    """See `Task`."""

    name = "language_model"
    noun = "language model"
    info = LanguageModelInfo
    run_fn = "ulmfit_tfx.tasks.language_model.trainer.run_fn"
    preprocessing_fn = "ulmfit_tfx.tasks.language_model.preprocessing.preprocessing_fn"


TASK = LanguageModelTask()
