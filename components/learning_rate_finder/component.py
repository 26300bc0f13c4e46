"""The LearningRateFinder component."""

from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.proto import trainer_pb2
from tfx.types import standard_artifacts
from tfx.types import standard_component_specs as standard
from tfx.utils import json_utils

from ulmfit_tfx.components.learning_rate_finder.executor import Executor
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.transforms.splitting import EVAL, TRAIN


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

    def __init__(
        self,
        tuner_fn: str,
        examples: types.BaseChannel,
        transform_graph: types.BaseChannel,
        custom_config: Mapping[str, Any],
        checkpoints: str | RuntimeParameter,
        section: str | None = None,
        overrides: RuntimeParameter | None = None,
        base_model: types.BaseChannel | None = None,
    ):
        """Describes the search.

        Args:
            tuner_fn: Import path.
            examples: See `ModelTrainer`, as for the others.
            transform_graph: Likewise.
            custom_config: Likewise.
            checkpoints: Likewise.
            section: Likewise.
            overrides: Likewise.
            base_model: Likewise.
        """
        optional = {
            specs.SECTION: section if overrides is not None else None,
            specs.OVERRIDES: overrides,
            standard.BASE_MODEL_KEY: base_model,
        }
        super().__init__(
            spec=specs.LearningRateFinderSpec(
                **{
                    standard.EXAMPLES_KEY: examples,
                    standard.TRANSFORM_GRAPH_KEY: transform_graph,
                    standard.TRAIN_ARGS_KEY: trainer_pb2.TrainArgs(splits=[TRAIN]),
                    standard.EVAL_ARGS_KEY: trainer_pb2.EvalArgs(splits=[EVAL]),
                    standard.TUNER_FN_KEY: tuner_fn,
                    standard.CUSTOM_CONFIG_KEY: json_utils.dumps(dict(custom_config)),
                    specs.CHECKPOINTS: checkpoints,
                    **{key: value for key, value in optional.items() if value is not None},
                    standard.BEST_HYPERPARAMETERS_KEY: types.Channel(type=standard_artifacts.HyperParameters),
                    standard.TUNER_RESULTS_KEY: types.Channel(type=standard_artifacts.TunerResults),
                }
            )
        )
