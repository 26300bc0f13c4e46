"""What PerplexityGate does beyond TFX's Evaluator."""

import logging
import math
from collections.abc import Mapping
from typing import Any, get_args

import tensorflow as tf
import tensorflow_model_analysis as tfma
from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as evaluator
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as standard

from ulmfit_tfx.components.reports.perplexity import (
    REPORT_FILE,
    MeasuredPerplexity,
    PerplexityReport,
    SlicePerplexity,
)
from ulmfit_tfx.schemas.errors import DataError, NotBlessedError
from ulmfit_tfx.schemas.section import Direction
from ulmfit_tfx.tasks.language_model.scores import Unit, metric_name

log = logging.getLogger(__name__)

_MEASURED: dict[str, tuple[Unit, Direction]] = {
    metric_name(per, direction): (per, direction) for direction in get_args(Direction) for per in get_args(Unit)
}
_EXAMPLE_COUNT = "example_count"


class Executor(evaluator.Executor):
    """Evaluates, writes the report, then opens the gate or stops the run."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Runs Evaluator.

        Raises:
            DataError: There are no texts to evaluate on.
            NotBlessedError: A threshold is set and not met.
        """
        super().Do(input_dict, output_dict, exec_properties)
        folder = artifact_utils.get_single_uri(output_dict[standard.EVALUATION_KEY])
        report = report_of(tfma.load_metrics(folder))
        with tf.io.gfile.GFile(f"{folder}/{REPORT_FILE}", "w") as file:
            file.write(report.to_json())
        for direction, measured in report.overall.perplexity.items():
            log.info("Reading %s: perplexity %s a piece, %s a word", direction, measured.piece, measured.word)
        blessing = artifact_utils.get_single_instance(output_dict[standard.BLESSING_KEY])
        if not blessing.has_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY):
            log.info("No threshold is set: the language model is not blessed, and the run goes on with it")
            return
        check(tfma.load_validation_result(folder))


def report_of(slices: Any) -> PerplexityReport:
    """Reads TFMA's results.

    Args:
        slices: `tfma.proto.metrics_for_slice_pb2.MetricsForSlice` of all texts and of each length bucket.

    Raises:
        DataError: There are no texts.
    """
    overall, by_length = None, {}
    for metrics in slices:
        values = {item.key.name: item.value.double_value.value for item in metrics.metric_keys_and_values}
        if keys := metrics.slice_key.single_slice_keys:
            by_length[keys[0].bytes_value.decode()] = _slice_of(values)
        else:
            overall = _slice_of(values)
    if overall is None or not overall.texts:
        raise DataError(
            "the corpus has no texts in its eval split, on which the language model is measured. Its share is "
            "corpus.splits.eval."
        )
    return PerplexityReport(overall, dict(sorted(by_length.items())))


def _slice_of(values: Mapping[str, float]) -> SlicePerplexity:
    finite = {_MEASURED[name]: value for name, value in values.items() if name in _MEASURED and math.isfinite(value)}
    directions = {_MEASURED[name][1]: None for name in values if name in _MEASURED}
    return SlicePerplexity(
        texts=int(values[_EXAMPLE_COUNT]),
        perplexity={
            direction: MeasuredPerplexity(*(finite.get((per, direction)) for per in get_args(Unit)))
            for direction in sorted(directions, key=get_args(Direction).index)
        },
    )


def check(validation: Any) -> None:
    """Stops the run where thresholds are not met.

    Args:
        validation: `tfma.proto.validation_result_pb2.ValidationResult`.

    Raises:
        NotBlessedError: They are not met. It names each, what was found and the direction of reading.
    """
    if validation.validation_ok:
        return
    failures = [
        _described(failure) for metrics in validation.metric_validations_per_slice for failure in metrics.failures
    ]
    raise NotBlessedError(
        "the language model's perplexity on the corpus' eval split is above a threshold:\n  "
        + "\n  ".join(sorted(failures))
        + "\nWhat may help: more epochs (language_model.epochs), another learning rate (language_model.learning_rate), "
        "a larger corpus or one closer to the eval split, a higher threshold."
    )


def _described(failure: Any) -> str:
    per, direction = _MEASURED[failure.metric_key.name]
    threshold = "word_perplexity" if per == "word" else "perplexity"
    found, bound = failure.metric_value.double_value.value, failure.metric_threshold.value_threshold.upper_bound.value
    why = " (no text has a piece to predict, or the model computes nan)" if math.isnan(found) else ""
    return f"reading {direction}: {found:,.5g} a {per}{why}, evaluation.thresholds.{threshold} is {bound:,.5g}"
