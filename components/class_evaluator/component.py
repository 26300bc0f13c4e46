"""The ClassEvaluator component."""

from tfx.components import Evaluator
from tfx.dsl.components.base import executor_spec

from ulmfit_tfx.components.class_evaluator.executor import Executor


class ClassEvaluator(Evaluator):
    """TFX Evaluator that fills in the class ids of one-against-the-rest metrics such as AUC.

    Where a metrics spec asks for binarization and names no class ids, it gets the classes that occur in the examples.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
