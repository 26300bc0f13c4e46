"""The ModelTrainer component."""

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types import standard_component_specs as standard

from ulmfit_tfx.components.model_trainer.executor import Executor
from ulmfit_tfx.components.run_settings import training_spec
from ulmfit_tfx.schemas import component_specs as specs


class ModelTrainer(base_component.BaseComponent):
    """TFX Trainer whose checkpoints' folder, and the fields of one section, may be said when the pipeline is run.

    Trainer itself cannot be subclassed for this: its spec is hard-coded in its constructor.

    Outputs `model` and `model_run`, as Trainer's.
    """

    SPEC_CLASS = specs.ModelTrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        run_fn: str,
        hyperparameters: types.BaseChannel | None = None,
        corpus_statistics: types.BaseChannel | None = None,
        **training: Any,
    ):
        """Describes the training.

        Args:
            run_fn: Import path.
            hyperparameters: As LearningRateFinder writes them.
            corpus_statistics: As CorpusStatistics writes them.
            training: As `training_spec` takes it.
        """
        optional = {standard.HYPERPARAMETERS_KEY: hyperparameters, specs.CORPUS_STATISTICS: corpus_statistics}
        super().__init__(
            spec=specs.ModelTrainerSpec(
                **{
                    **training_spec(**training),
                    **{key: channel for key, channel in optional.items() if channel is not None},
                    standard.RUN_FN_KEY: run_fn,
                    standard.MODEL_KEY: types.Channel(type=standard_artifacts.Model),
                    standard.MODEL_RUN_KEY: types.Channel(type=standard_artifacts.ModelRun),
                }
            )
        )
