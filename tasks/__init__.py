"""The tasks: a folder each, and the table of them. Importing it loads no TensorFlow."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.tasks.classification.task import TASK as CLASSIFICATION
from ulmfit_tfx.tasks.language_model.task import TASK as LANGUAGE_MODEL
from ulmfit_tfx.tasks.regression.task import TASK as REGRESSION
from ulmfit_tfx.tasks.tagging.task import TASK as TAGGING
from ulmfit_tfx.tasks.task import LabelledTask, Task
from ulmfit_tfx.trainer_modules.serving.loaded_model import Predictor, load
from ulmfit_tfx.trainer_modules.serving.model_info import ENCODER, EncoderInfo, ModelInfo, read_content
from ulmfit_tfx.trainer_modules.serving.signature_contract import SignatureContract, encoder_contracts

if TYPE_CHECKING:
    from ulmfit_tfx.tasks.language_model.predictor import LanguageModel

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


def labelled_task(name: str) -> LabelledTask[Any, Any, Any]:
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
    kinds = {ENCODER: EncoderInfo} | {name: task.info for name, task in TASKS.items()}
    return kinds.get(str(content.get("task")), ModelInfo).of(content, model)


def load_model(model: str | Path) -> "Predictor[Any, Any] | LanguageModel":
    """Loads a SavedModel as what it says it is: a `Classifier`, a `LanguageModel`, ...

    Args:
        model: Its folder, local or remote, see `find_model`.

    Raises:
        ConfigError: It is not of one of the tasks, or it does not load.
        DataError: See `read_model_info`.
    """
    info = _read_info(model)
    if info is None or info.task not in TASKS:
        raise _not_wanted(model, info, TASKS.values(), "task")
    return TASKS[info.task].load(model, info)


def load_predictor(model: str | Path) -> Predictor[Any, Any]:
    """Loads a SavedModel that answers texts.

    Raises:
        ConfigError: It is of no task with labelled rows, or it does not load.
        DataError: See `read_model_info`.
    """
    info = _read_info(model)
    return labelled_task_of(model, info).load(model, info)


def load_language_model(model: str | Path) -> "LanguageModel":
    """Loads a SavedModel that continues texts.

    Raises:
        ConfigError: It is no language model, or one that only reads backward, or it does not load.
        DataError: See `read_model_info`.
    """
    info = _read_info(model)
    if not isinstance(info, LANGUAGE_MODEL.info):
        is_what = _what_is(info, "language-model")
        raise ConfigError(f"{model}: is {is_what}, expected a language model that reads forward.")
    return LANGUAGE_MODEL.load(model, info)


def labelled_task_of(model: str | Path, info: ModelInfo | None) -> LabelledTask[Any, Any, Any]:
    """The task of a model that answers texts.

    Args:
        model: To be named.
        info: What it says of itself.

    Raises:
        ConfigError: It is of no task with labelled rows.
    """
    task = None if info is None else TASKS.get(info.task)
    if isinstance(task, LabelledTask):
        return task
    labelled = [task for task in TASKS.values() if isinstance(task, LabelledTask)]
    raise _not_wanted(model, info, labelled, "task")


def signature_contracts(info: ModelInfo) -> dict[str, SignatureContract]:
    """The signatures that a model has to have, by name."""
    task = TASKS.get(info.task)
    return encoder_contracts(info) | ({} if task is None else task.contracts(info))


def _read_info(model: str | Path) -> ModelInfo | None:
    info = read_model_info(model)
    if info is None:
        load(model)  # where that fails, it is damaged rather than foreign
    return info


def _not_wanted(model: str | Path, info: ModelInfo | None, wanted: Iterable[Task[Any]], head: str) -> ConfigError:
    *others, last = [f"a {task.noun}" for task in wanted]
    return ConfigError(f"{model}: is {_what_is(info, head)}, expected {', '.join(others)} or {last}.")


def _what_is(info: ModelInfo | None, head: str) -> str:
    """A model in words. `head` is what an encoder lacks to be what is wanted."""
    if info is None:
        return "a model that ulmfit-tfx did not export"
    if isinstance(info, EncoderInfo):
        return f"an encoder without a {head} head"
    if isinstance(info, LANGUAGE_MODEL.info):
        return "a language model (`ulmfit-tfx complete` continues texts with it)"
    return f"a model for {info.task}"
