"""The EvaluationReport component."""

import json

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel_utils, standard_artifacts

from ulmfit_tfx.components.evaluation_report.executor import Executor
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.code_version import code_version
from ulmfit_tfx.schemas.config.evaluation import EvaluationConfig


class EvaluationReport(base_component.BaseComponent):
    """Shows how good a task model is on the eval split, beside thresholds, the model in service and baselines.

    Output `report`, a standard `ModelEvaluation` artifact:

        report.html     to look at: one file that needs no other
        errors.tsv      the rows of the eval split that the model gets wrong, worst first, with their places
        scores.json     `ulmfit_tfx.components.reports.scores_file.EvaluationScores`

    Rows of the test split are not read: of that split the report shows what HeldOutScorer found.
    """

    SPEC_CLASS = specs.EvaluationReportSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        model_run: types.BaseChannel,
        name: str,
        seed: int,
        evaluation: EvaluationConfig,
        baseline_model: types.BaseChannel | None = None,
        held_out: types.BaseChannel | None = None,
        evaluated: types.BaseChannel | None = None,
    ):
        """Describes the report.

        Args:
            examples: As CorpusIngest writes them.
            model: As Trainer writes it.
            model_run: As Trainer writes it, with the history of the training.
            name: Of the pipeline, in the report's title.
            seed: Of the bootstrap samples.
            evaluation: Thresholds, and how much is shown.
            baseline_model: As BaselineResolver writes it.
            held_out: As HeldOutScorer writes it.
            evaluated: As TaskEvaluator writes it, for the simple models that the model is held against.
        """
        optional = {specs.BASELINE_MODEL: baseline_model, specs.HELD_OUT: held_out, specs.EVALUATION: evaluated}
        super().__init__(
            spec=specs.EvaluationReportSpec(
                **{
                    specs.EXAMPLES: examples,
                    specs.MODEL: model,
                    specs.MODEL_RUN: model_run,
                    **{key: channel for key, channel in optional.items() if channel is not None},
                    specs.CONFIG: json.dumps({"name": name, "evaluation": evaluation.model_dump(mode="json")}),
                    specs.SEED: seed,
                    specs.CODE_VERSION: code_version(Executor),
                    specs.REPORT: channel_utils.as_channel([standard_artifacts.ModelEvaluation()]),
                }
            )
        )
