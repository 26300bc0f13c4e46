"""What sets a task apart, as one object. Importing it loads no TensorFlow: methods import what is heavy."""

import abc
from typing import ClassVar

from ulmfit_tfx.trainer_modules.serving.model_info import ModelInfo


class Task(abc.ABC):
    """A task. All that depends on the task is asked of its object, so that a new one is a folder and a line in `TASKS`.

    Attributes:
        name: What `task` of a configuration and a model's information file say.
        noun: What its model is called, such as `classifier`.
        info: What its models say of themselves.
        run_fn: Import path of TFX Trainer's function.
        preprocessing_fn: Import path of Transform's function.
        has_vocabulary: Whether preprocessing looks at all of the train split first, for a vocabulary of labels.
    """

    name: ClassVar[str]
    noun: ClassVar[str]
    info: ClassVar[type[ModelInfo]]
    run_fn: ClassVar[str]
    preprocessing_fn: ClassVar[str]
    has_vocabulary: ClassVar[bool] = False


class LabelledTask(Task):
    """A task that learns from labelled rows and answers texts."""
