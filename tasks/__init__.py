"""The tasks: a folder each, and the table of them. Importing it loads no TensorFlow."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.tasks.classification.task import TASK as CLASSIFICATION
from ulmfit_tfx.tasks.language_model.task import TASK as LANGUAGE_MODEL
from ulmfit_tfx.tasks.regression.task import TASK as REGRESSION
from ulmfit_tfx.tasks.tagging.task import TASK as TAGGING
from ulmfit_tfx.tasks.task import LabelledTask, Task
from ulmfit_tfx.trainer_modules.serving.model_info import EncoderInfo, ModelInfo, read_content

TASKS: dict[str, Task[Any]] = {
    task.name: task
    for task in (
        CLASSIFICATION,
        REGRESSION,
        TAGGING,
        LANGUAGE_MODEL,
    )
}
"""By name, as `task` of a configuration says it. The first is that of a configuration that names none."""


def task_named(name: str) -> Task[Any]:
    """The task of a name.

    Raises:
        ConfigError: There is none.
    """
    if name not in TASKS:
        raise ConfigError(f"task is '{name}', expected one of {', '.join(TASKS)}.")
    return TASKS[name]


def labelled_task(name: str) -> LabelledTask[Any, Any]:
    """The task of a name, which has labelled rows.

    Raises:
        ConfigError: There is none, or it has no labelled rows.
    """
    task = task_named(name)
    if not isinstance(task, LabelledTask):
        raise ConfigError(f"task is '{name}', expected one with labelled rows.")
    return task


def read_model_info(model: str | Path) -> ModelInfo | None:
    """What a model says of itself, as the class of its task has it.

    Args:
        model: Folder of the SavedModel, local or remote.

    Returns:
        `info` of its task, such as `ClassificationInfo`; `EncoderInfo` of an encoder alone; a plain `ModelInfo` where
        the task is not known here; None of a model that ulmfit-tfx did not write.

    Raises:
        DataError: What it says is not what ulmfit-tfx writes.
    """
    content = read_content(model)
    return None if content is None else model_info_of(content, model)


def model_info_of(content: Mapping[str, Any], model: str | Path) -> ModelInfo:
    """What an information file says, see `read_model_info`.

    Args:
        content: Of the file.
        model: To be named.
    """
    kinds = {"encoder": EncoderInfo} | {name: task.info for name, task in TASKS.items()}
    return kinds.get(str(content.get("task")), ModelInfo).of(content, model)
