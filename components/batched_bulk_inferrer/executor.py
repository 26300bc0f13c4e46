"""What BatchedBulkInferrer does beyond TFX's BulkInferrer."""

import contextlib
from collections.abc import Iterator
from typing import Any

from tfx.components.bulk_inferrer import executor as bulk_inferrer
from tfx_bsl.beam import run_inference

from ulmfit_tfx.trainer_modules.serving.length_batches import BATCH


class Executor(bulk_inferrer.Executor):
    """Predicts in batches of one size."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Predicts."""
        with _batch_parameters_forwarded():
            super().Do(input_dict, output_dict, exec_properties)

    def _get_inference_spec(self, model_path: str, exec_properties: dict[str, Any]) -> Any:
        spec = super()._get_inference_spec(model_path, exec_properties)
        spec.batch_parameters.min_batch_size = spec.batch_parameters.max_batch_size = BATCH
        return spec


@contextlib.contextmanager
def _batch_parameters_forwarded() -> Iterator[None]:
    """Lets Beam see a spec's batch parameters: tfx_bsl wraps the handler that has them in one that does not ask it."""
    wrapper = run_inference._ModelHandlerWrapper
    original = wrapper.batch_elements_kwargs
    wrapper.batch_elements_kwargs = lambda self: self._model_handler.batch_elements_kwargs()
    try:
        yield
    finally:
        wrapper.batch_elements_kwargs = original
