"""The PredictionWriter component."""

from tfx import types
from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.types import channel_utils, standard_artifacts

from ulmfit_tfx.components.prediction_writer.executor import Executor
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.code_version import code_version
from ulmfit_tfx.schemas.config.sources.source import SourceConfig


class PredictionWriter(BaseBeamComponent):
    """Writes BulkInferrer's results as JSON Lines, with the keys of `ulmfit-tfx predict --json`.

    A row out for each row in, refused ones with the reason, in the order of the input.

    Output `predictions`, a standard `InferenceResult` artifact:

        predictions-00000000-000000.jsonl  rows of a block of a file's lines, by the numbers of file and block, or of
                                           small files in a row, by that of the first; sorted by name they are in order
        columns.json                       columns of the input and what their values are, see `written_rows.Written`
    """

    SPEC_CLASS = specs.PredictionWriterSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        inference_result: types.BaseChannel,
        model: types.BaseChannel,
        examples: types.BaseChannel,
        config: SourceConfig,
    ):
        """Describes the writing.

        Args:
            inference_result: As BulkInferrer writes it, of the signature `serving_examples`.
            model: The model that was asked, whose information file says how its outputs are read.
            examples: That it was asked about, of CorpusIngest with `asked`, whose refused rows are written too.
            config: Where these come from.
        """
        super().__init__(
            spec=specs.PredictionWriterSpec(
                **{
                    specs.INFERENCE_RESULT: inference_result,
                    specs.MODEL: model,
                    specs.EXAMPLES: examples,
                    specs.CONFIG: config.model_dump_json(),
                    specs.CODE_VERSION: code_version(Executor),
                    specs.PREDICTIONS: channel_utils.as_channel([standard_artifacts.InferenceResult()]),
                }
            )
        )
