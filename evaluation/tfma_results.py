"""What TFMA wrote, read back."""

import tensorflow_model_analysis as tfma

_NEW_MODEL = ("", "candidate")
"""Names of the model that is evaluated: alone, and as TFX calls it beside a baseline."""


def metrics_of_all_rows(folder: str) -> dict[str, float]:
    """Metrics of the new model on all rows together, by name.

    Args:
        folder: TFMA's, such as the artifact `evaluation` of TaskEvaluator.
    """
    found = {}
    for of_slice in tfma.load_metrics(folder):
        if of_slice.slice_key.single_slice_keys:
            continue
        for metric in of_slice.metric_keys_and_values:
            key = metric.key
            if key.model_name in _NEW_MODEL and not key.is_diff and metric.value.HasField("double_value"):
                found[key.name] = metric.value.double_value.value
    return found
