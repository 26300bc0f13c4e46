"""Perplexity as a TFMA metric, from the outputs of a language model's signature `serving_examples`."""

import math
from collections.abc import Iterable, Sequence
from typing import Literal

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma

from ulmfit_tfx.schemas.config import Direction
from ulmfit_tfx.trainer_modules.serving.signature_names import NEGATIVE_LOG_LIKELIHOOD, PREDICTED_PIECES, WORDS

Unit = Literal["piece", "word"]

COUNTS: dict[Unit, str] = {"piece": PREDICTED_PIECES, "word": WORDS}
"""The output that counts each unit."""

_Sums = tuple[float, float]


def metric_name(per: Unit, direction: Direction) -> str:
    """Name in TFMA's results: `perplexity_forward`, `word_perplexity_backward` and so on."""
    return ("word_" if per == "word" else "") + f"perplexity_{direction}"


def perplexity(negative_log_likelihood: float, units: float) -> float:
    """Of texts together, exp(negative log likelihood / units).

    Args:
        negative_log_likelihood: In nats, the sum over the texts.
        units: Pieces or words in them.

    Returns:
        nan where there are no units: there is nothing to measure, and nan is below no threshold. inf where the result
        is larger than a float can be.
    """
    if not units:
        return math.nan
    try:
        return math.exp(negative_log_likelihood / units)
    except OverflowError:
        return math.inf


class Perplexity(tfma.metrics.Metric):
    """Perplexity of the texts of a slice together. It needs no label, and has no weights of examples.

    In an `EvalConfig`:

        MetricConfig(
            class_name="Perplexity",
            module="ulmfit_tfx.components.perplexity_gate.metrics",
            config='{"name": "perplexity_forward", "per": "piece"}',
        )
    """

    def __init__(self, name: str, per: Unit = "piece", likelihood: str = NEGATIVE_LOG_LIKELIHOOD):
        """Describes the metric.

        Args:
            name: In TFMA's results.
            per: What the likelihood is shared out among.
            likelihood: The model's output with the negative log likelihood in nats, float32 [batch, 1].

        Raises:
            ValueError: `per` is neither piece nor word.
        """
        if per not in COUNTS:
            raise ValueError(f"per is {per!r}, expected one of {', '.join(COUNTS)}")
        super().__init__(_computations, name=name, per=per, likelihood=likelihood)


def _computations(
    name: str, per: Unit, likelihood: str, model_names: Sequence[str] | None = None
) -> tfma.metrics.MetricComputations:
    """One computation a model. TFMA gives `model_names`, recognizing the argument by its name."""
    outputs = (likelihood, COUNTS[per])
    computations = []
    for model_name in model_names or [""]:
        key = tfma.metrics.MetricKey(name=name, model_name=model_name, example_weighted=False)
        computations.append(
            tfma.metrics.MetricComputation(
                keys=[key], preprocessors=None, combiner=_PerplexityCombiner(key, model_name, outputs)
            )
        )
    return computations


class _PerplexityCombiner(beam.CombineFn):
    """Adds up likelihood and units in float64."""

    def __init__(self, key: tfma.metrics.MetricKey, model_name: str, outputs: tuple[str, str]):
        self._key = key
        self._model_name = model_name
        self._outputs = outputs

    def create_accumulator(self) -> _Sums:
        return 0.0, 0.0

    def add_input(self, accumulator: _Sums, element: tfma.metrics.StandardMetricInputs) -> _Sums:
        predictions = element.get_predictions(model_name=self._model_name or None)
        if not isinstance(predictions, dict) or any(name not in predictions for name in self._outputs):
            given = ", ".join(sorted(predictions)) if isinstance(predictions, dict) else "a single unnamed output"
            raise ValueError(f"the model's outputs are {given}, expected {' and '.join(self._outputs)} among them")
        likelihood, units = (float(np.sum(predictions[name], dtype=np.float64)) for name in self._outputs)
        return accumulator[0] + likelihood, accumulator[1] + units

    def merge_accumulators(self, accumulators: Iterable[_Sums]) -> _Sums:
        likelihoods, units = zip(*accumulators, strict=True)
        return sum(likelihoods), sum(units)

    def extract_output(self, accumulator: _Sums) -> dict[tfma.metrics.MetricKey, float]:
        return {self._key: perplexity(*accumulator)}
