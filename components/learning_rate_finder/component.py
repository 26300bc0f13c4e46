"""The LearningRateFinder component."""

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types import standard_component_specs as standard

from ulmfit_tfx.components.learning_rate_finder.executor import Executor
from ulmfit_tfx.components.run_settings import training_spec
from ulmfit_tfx.schemas import component_specs as specs


class LearningRateFinder(base_component.BaseComponent):
    """TFX Tuner whose `tuner_fn` returns a `LearningRateTuner` that writes into `fn_args.working_dir`.

    Output `best_hyperparameters`, a standard `HyperParameters` artifact, for Trainer's `hyperparameters`:

        best_hyperparameters.txt   JSON: {"space": [], "values": {"learning_rate": 0.0032}}

    Output `tuner_results`, a standard `TunerResults` artifact:

        tuner_results.json         JSON: the trial, its score and its learning rate
        learning_rate.json         JSON: the curve, `LearningRateCurve.from_json` reads it
        learning_rate.png          its chart
    """

    SPEC_CLASS = specs.LearningRateFinderSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, tuner_fn: str, **training: Any):
        """Describes the search.

        Args:
            tuner_fn: Import path.
            training: As `training_spec` takes it.
        """
        super().__init__(
            spec=specs.LearningRateFinderSpec(
                **{
                    **training_spec(**training),
                    standard.TUNER_FN_KEY: tuner_fn,
                    standard.BEST_HYPERPARAMETERS_KEY: types.Channel(type=standard_artifacts.HyperParameters),
                    standard.TUNER_RESULTS_KEY: types.Channel(type=standard_artifacts.TunerResults),
                }
            )
        )
