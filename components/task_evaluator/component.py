"""The TaskEvaluator component."""

from tfx.dsl.components.base import executor_spec

from ulmfit_tfx.components.task_evaluator.executor import Executor
from ulmfit_tfx.components.versioned_evaluator import VersionedEvaluator


class TaskEvaluator(VersionedEvaluator):
    """TFX Evaluator of a task model, with an `eval_config` as `task_eval_config` makes it.

    Input `baseline_model`, as BaselineResolver writes it: without files it is as if it were not there, and a model that
    answers another question than the new one is not compared with. Bounds on the difference then do not count, those on
    the value do. With `beat` a model has to be no worse than a simple one, too, beyond noise. Where none of these is
    set, the model is not blessed.

    Output `evaluation`, a standard `ModelEvaluation` artifact, TFMA's files, and with `beat` baselines.json, see
    `reports.beaten`. Its custom property `baseline_dropped` says why there is no comparison with a model that is in
    service.

    Output `blessing`, a standard `ModelBlessing` artifact, as Evaluator's.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
