"""The ModelTrainer component."""

from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.proto import trainer_pb2
from tfx.types import standard_artifacts
from tfx.types import standard_component_specs as standard
from tfx.utils import json_utils

from ulmfit_tfx.components.model_trainer.executor import Executor
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.transforms.splitting import EVAL, TRAIN


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
        examples: types.BaseChannel,
        transform_graph: types.BaseChannel,
        custom_config: Mapping[str, Any],
        checkpoints: str | RuntimeParameter,
        section: str | None = None,
        overrides: RuntimeParameter | None = None,
        base_model: types.BaseChannel | None = None,
        hyperparameters: types.BaseChannel | None = None,
    ):
        """Describes the training.

        Args:
            run_fn: Import path.
            examples: As TextTransform writes them.
            transform_graph: As TextTransform writes it.
            custom_config: Sections of the configuration by name, and what else `run_fn` reads.
            checkpoints: Folder below which a killed training finds what it goes on from; `custom_config` gets it as
                `checkpoints`.
            section: That `overrides` are of.
            overrides: Fields to set in the section, as a JSON object.
            base_model: What the training starts from.
            hyperparameters: As LearningRateFinder writes them.
        """
        optional = {
            specs.SECTION: section if overrides is not None else None,
            specs.OVERRIDES: overrides,
            standard.BASE_MODEL_KEY: base_model,
            standard.HYPERPARAMETERS_KEY: hyperparameters,
        }
        super().__init__(
            spec=specs.ModelTrainerSpec(
                **{
                    standard.EXAMPLES_KEY: examples,
                    standard.TRANSFORM_GRAPH_KEY: transform_graph,
                    standard.TRAIN_ARGS_KEY: trainer_pb2.TrainArgs(splits=[TRAIN]),
                    standard.EVAL_ARGS_KEY: trainer_pb2.EvalArgs(splits=[EVAL]),
                    standard.RUN_FN_KEY: run_fn,
                    standard.CUSTOM_CONFIG_KEY: json_utils.dumps(dict(custom_config)),
                    specs.CHECKPOINTS: checkpoints,
                    **{key: value for key, value in optional.items() if value is not None},
                    standard.MODEL_KEY: types.Channel(type=standard_artifacts.Model),
                    standard.MODEL_RUN_KEY: types.Channel(type=standard_artifacts.ModelRun),
                }
            )
        )
