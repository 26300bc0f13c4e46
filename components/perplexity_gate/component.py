"""The PerplexityGate component."""

from tfx.dsl.components.base import executor_spec

from ulmfit_tfx.components.perplexity_gate.executor import Executor
from ulmfit_tfx.components.versioned_evaluator import VersionedEvaluator


class PerplexityGate(VersionedEvaluator):
    """TFX Evaluator of a language model, with an `eval_config` as `language_model_eval_config` makes it.

    Where thresholds are set, a model that meets them in each direction is blessed, and any other stops the run. Where
    none is set the perplexity is reported and the run goes on: the model is not blessed then, so Pusher does not push
    it, but stages that build on it do not ask.

    Output `evaluation`, a standard `ModelEvaluation` artifact, TFMA's files and

        perplexity.json     `ulmfit_tfx.components.reports.perplexity.PerplexityReport`

    Output `blessing`, a standard `ModelBlessing` artifact, as Evaluator's.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
