"""The BatchedBulkInferrer component."""

from tfx.components import BulkInferrer
from tfx.dsl.components.base import executor_spec

from ulmfit_tfx.components.batched_bulk_inferrer.executor import Executor


class BatchedBulkInferrer(BulkInferrer):
    """TFX BulkInferrer whose batches stay small.

    BulkInferrer lets Beam choose a batch of up to 10,000 rows by the time that it takes. Texts of one batch are padded
    to its longest, so that a few long ones would multiply the memory by that number.

    Output `inference_result`, a standard `InferenceResult` artifact:

        prediction_logs-00000-of-00001.gz     PredictionLogs: the tf.Example and the outputs of the signature
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
