"""Regression: texts with numbers."""

from ulmfit_tfx.tasks.regression.model_info import RegressionInfo
from ulmfit_tfx.tasks.task import LabelledTask


class RegressionTask(LabelledTask):
    """See `Task`."""

    name = "regression"
    noun = "regressor"
    info = RegressionInfo
    run_fn = "ulmfit_tfx.tasks.regression.trainer.run_fn"
    preprocessing_fn = "ulmfit_tfx.tasks.regression.preprocessing.preprocessing_fn"


TASK = RegressionTask()
