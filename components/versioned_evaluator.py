"""TFX's Evaluator with code of ours in it."""

from collections.abc import Sequence

import tensorflow_model_analysis as tfma
from tfx import types
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.types import standard_artifacts
from tfx.types import standard_component_specs as standard
from tfx.utils import json_utils

from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.code_version import code_version


class VersionedEvaluator(BaseBeamComponent):
    """TFX Evaluator whose cache key has the version of our metrics and executors.

    Evaluator itself cannot be subclassed for this: its spec is hard-coded in its constructor. Executors are subclasses
    of Evaluator's.
    """

    SPEC_CLASS = specs.VersionedEvaluatorSpec

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        eval_config: tfma.EvalConfig,
        example_splits: Sequence[str],
        baseline_model: types.BaseChannel | None = None,
        beat: str | None = None,
    ):
        """Describes the evaluation.

        Args:
            examples: As CorpusIngest writes them.
            model: As Trainer writes it.
            eval_config: Metrics, thresholds and slices.
            example_splits: What is evaluated on.
            baseline_model: What is compared with.
            beat: What simple model is to be beaten, as `task_evaluator.beaten.Beat` has it as JSON. None: none.
        """
        compared = {standard.BASELINE_MODEL_KEY: baseline_model} if baseline_model else {}
        demanded = {} if beat is None else {specs.BEAT: beat}
        super().__init__(
            spec=specs.VersionedEvaluatorSpec(
                **{
                    standard.EXAMPLES_KEY: examples,
                    standard.MODEL_KEY: model,
                    **compared,
                    **demanded,
                    standard.EVAL_CONFIG_KEY: eval_config,
                    standard.EXAMPLE_SPLITS_KEY: json_utils.dumps(list(example_splits)),
                    specs.CODE_VERSION: code_version(self.EXECUTOR_SPEC.executor_class, *_metric_modules(eval_config)),
                    standard.EVALUATION_KEY: types.Channel(type=standard_artifacts.ModelEvaluation),
                    standard.BLESSING_KEY: types.Channel(type=standard_artifacts.ModelBlessing),
                }
            )
        )


def _metric_modules(eval_config: tfma.EvalConfig) -> list[str]:
    """Where the metrics come from that are not TFMA's own."""
    metrics = [metric for spec in eval_config.metrics_specs for metric in spec.metrics]
    return sorted({metric.module for metric in metrics if metric.module})
