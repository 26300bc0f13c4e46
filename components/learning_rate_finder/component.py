"""The LearningRateFinder component."""

from tfx.components import Tuner
from tfx.dsl.components.base import executor_spec

from ulmfit_tfx.components.learning_rate_finder.executor import Executor


class LearningRateFinder(Tuner):
    """TFX Tuner whose `tuner_fn` returns a `LearningRateTuner` that writes into `fn_args.working_dir`.

    Output `best_hyperparameters`, a standard `HyperParameters` artifact, for Trainer's `hyperparameters`:

        best_hyperparameters.txt   JSON: {"space": [], "values": {"learning_rate": 0.0032}}

    Output `tuner_results`, a standard `TunerResults` artifact:

        tuner_results.json         JSON: the trial, its score and its learning rate
        learning_rate.json         JSON: the curve, `LearningRateCurve.from_json` reads it
        learning_rate.png          its chart
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
