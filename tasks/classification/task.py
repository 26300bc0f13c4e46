"""Classification: texts with a label, or several."""

from ulmfit_tfx.tasks.classification.model_info import ClassificationInfo
from ulmfit_tfx.tasks.task import LabelledTask


class ClassificationTask(LabelledTask):
    """See `Task`."""

    name = "classification"
    noun = "classifier"
    info = ClassificationInfo
    run_fn = "ulmfit_tfx.tasks.classification.trainer.run_fn"
    preprocessing_fn = "ulmfit_tfx.tasks.classification.preprocessing.preprocessing_fn"
    has_vocabulary = True


TASK = ClassificationTask()
