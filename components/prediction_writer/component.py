"""The PredictionWriter component."""

from tfx import types
from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.types import channel_utils, standard_artifacts

from ulmfit_tfx.components.prediction_writer.executor import Executor
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.code_version import code_version


class PredictionWriter(BaseBeamComponent):
    """Writes BulkInferrer's results as JSON Lines, with the keys of `ulmfit-tfx predict --json`.

    Output `predictions`, a standard `InferenceResult` artifact:

        predictions-00000-of-00001.jsonl     a text and what the model says of it a line, in no particular order
    """

    SPEC_CLASS = specs.PredictionWriterSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, inference_result: types.BaseChannel, model: types.BaseChannel):
        """Describes the writing.

        Args:
            inference_result: As BulkInferrer writes it, of the signature `serving_examples`.
            model: The model that was asked, whose information file says how its outputs are read.
        """
        super().__init__(
            spec=specs.PredictionWriterSpec(
                **{
                    specs.INFERENCE_RESULT: inference_result,
                    specs.MODEL: model,
                    specs.CODE_VERSION: code_version(Executor),
                    specs.PREDICTIONS: channel_utils.as_channel([standard_artifacts.InferenceResult()]),
                }
            )
        )
