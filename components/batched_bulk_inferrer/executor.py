"""What BatchedBulkInferrer does beyond TFX's BulkInferrer."""

from typing import Any

from tfx.components.bulk_inferrer import executor as bulk_inferrer

from ulmfit_tfx.trainer_modules.export.length_batches import BATCH


class Executor(bulk_inferrer.Executor):
    """Predicts in batches of one size."""

    def _get_inference_spec(self, model_path: str, exec_properties: dict[str, Any]) -> Any:
        spec = super()._get_inference_spec(model_path, exec_properties)
        spec.batch_parameters.min_batch_size = spec.batch_parameters.max_batch_size = BATCH
        return spec
