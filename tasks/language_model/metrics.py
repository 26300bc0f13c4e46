"""Perplexity as a TFMA metric, see `ulmfit_tfx.evaluation.metrics`."""

import functools
from collections.abc import Sequence

import numpy as np
import tensorflow_model_analysis as tfma

from ulmfit_tfx.evaluation.eval_config import eval_config, metric_config, overall_threshold
from ulmfit_tfx.evaluation.metrics import Outputs, ScoreMetric, Statistic, output
from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.schemas.config.evaluation import LanguageModelEvaluationConfig
from ulmfit_tfx.schemas.section import Direction
from ulmfit_tfx.tasks.language_model.scores import Unit, metric_name, perplexity
from ulmfit_tfx.trainer_modules.serving.signature_names import (
    NEGATIVE_LOG_LIKELIHOOD,
    NEGATIVE_LOG_LIKELIHOOD_BACKWARD,
    PREDICTED_PIECES,
    WORDS,
)

COUNTS: dict[Unit, str] = {"piece": PREDICTED_PIECES, "word": WORDS}
"""The output that counts each unit."""


def perplexity_eval_config(config: LanguageModelEvaluationConfig, directions: Sequence[Direction]) -> tfma.EvalConfig:
    """Perplexity a piece and a word of each direction, overall and by length bucket.

    Each direction has to meet the thresholds, on all texts together.

    Args:
        config: Its thresholds `perplexity` and `word_perplexity` are upper bounds.
        directions: Of the language models that are exported together.
    """
    thresholds: dict[Unit, float | None] = {
        "piece": config.thresholds.perplexity,
        "word": config.thresholds.word_perplexity,
    }
    perplexities = [
        _perplexity_config(per, direction, _likelihood(direction, directions), threshold)
        for direction in directions
        for per, threshold in thresholds.items()
    ]
    return eval_config(perplexities, [feature_names.LENGTH_BUCKET])


def _perplexity_config(per: Unit, direction: Direction, likelihood: str, threshold: float | None) -> tfma.MetricConfig:
    metric = metric_config(Perplexity, metric_name(per, direction), per=per, likelihood=likelihood)
    if threshold is not None:
        overall_threshold(metric).value_threshold.upper_bound.value = threshold
    return metric


def _likelihood(direction: Direction, directions: Sequence[Direction]) -> str:
    """The output that holds a direction's likelihood: a backward model has its own name beside a forward one only."""
    beside_forward = direction == "backward" and "forward" in directions
    return NEGATIVE_LOG_LIKELIHOOD_BACKWARD if beside_forward else NEGATIVE_LOG_LIKELIHOOD


class Perplexity(ScoreMetric):
    """Perplexity of the texts of a slice together. It needs no label, and has no weights of examples."""

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
        read = functools.partial(_sums, names=(likelihood, COUNTS[per]))
        super().__init__(Statistic(read, np.add, _perplexity), name, per=per, likelihood=likelihood)


def _sums(labels: np.ndarray | None, outputs: Outputs, names: tuple[str, str]) -> np.ndarray:
    """Likelihood and units, float64 [2]."""
    return np.array([np.sum(output(outputs, name), dtype=np.float64) for name in names])


def _perplexity(sums: np.ndarray) -> float:
    return perplexity(*sums.tolist())
