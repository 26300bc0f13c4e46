"""The HeldOutScorer component."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel_utils, standard_artifacts

from ulmfit_tfx.components.held_out_scorer.executor import Executor
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.code_version import code_version


class HeldOutScorer(base_component.BaseComponent):
    """Scores a classifier on the test split, which nothing else reads, beside two baselines on the same rows.

    Output `report`, a standard `ModelEvaluation` artifact:

        held_out.json     `ulmfit_tfx.components.held_out_scorer.scores.HeldOutReport`
    """

    SPEC_CLASS = specs.HeldOutScorerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        seed: int,
        model_from_scratch: types.BaseChannel | None = None,
    ):
        """Describes the scoring.

        Args:
            examples: As CorpusIngest writes them.
            model: As Trainer writes it.
            seed: Of the linear baseline.
            model_from_scratch: The same without pretraining, as Trainer writes it.
        """
        compared = {specs.MODEL_FROM_SCRATCH: model_from_scratch} if model_from_scratch else {}
        super().__init__(
            spec=specs.HeldOutScorerSpec(
                **{
                    specs.EXAMPLES: examples,
                    specs.MODEL: model,
                    **compared,
                    specs.SEED: seed,
                    specs.CODE_VERSION: code_version("components"),
                    specs.REPORT: channel_utils.as_channel([standard_artifacts.ModelEvaluation()]),
                }
            )
        )
