"""The HeldOutScorer component."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel_utils, standard_artifacts

from ulmfit_tfx.components.held_out_scorer.executor import Executor
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.code_version import code_version


class HeldOutScorer(base_component.BaseComponent):
    """Scores a task model on the test split, which nothing else reads, beside baselines on the same rows.

    What is asked of the model, as one or several labels a text, is read from its information file.

    Output `report`, a standard `ModelEvaluation` artifact:

        held_out.json     `ulmfit_tfx.components.reports.held_out.HeldOutReport`
    """

    SPEC_CLASS = specs.HeldOutScorerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        seed: int,
        samples: int = 1000,
        model_from_scratch: types.BaseChannel | None = None,
        transfer: types.BaseChannel | None = None,
    ):
        """Describes the scoring.

        Args:
            examples: As CorpusIngest writes them.
            model: As Trainer writes it.
            seed: Of the linear baselines and of the bootstrap.
            samples: Of the bootstrap behind the intervals.
            model_from_scratch: The same without pretraining, as Trainer writes it.
            transfer: As TransferMerge writes them, for the baselines that learn from a teacher too.
        """
        optional = {specs.MODEL_FROM_SCRATCH: model_from_scratch, specs.TRANSFER: transfer}
        super().__init__(
            spec=specs.HeldOutScorerSpec(
                **{
                    specs.EXAMPLES: examples,
                    specs.MODEL: model,
                    **{key: channel for key, channel in optional.items() if channel is not None},
                    specs.SEED: seed,
                    specs.SAMPLES: samples,
                    specs.CODE_VERSION: code_version(Executor),
                    specs.REPORT: channel_utils.as_channel([standard_artifacts.ModelEvaluation()]),
                }
            )
        )
