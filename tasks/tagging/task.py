"""Tagging: words with a tag, or several."""

from ulmfit_tfx.tasks.tagging.model_info import TaggingInfo
from ulmfit_tfx.tasks.task import LabelledTask


class TaggingTask(LabelledTask):
    """See `Task`."""

    name = "tagging"
    noun = "tagger"
    info = TaggingInfo
    run_fn = "ulmfit_tfx.tasks.tagging.trainer.run_fn"
    preprocessing_fn = "ulmfit_tfx.tasks.tagging.preprocessing.preprocessing_fn"
    has_vocabulary = True


TASK = TaggingTask()
