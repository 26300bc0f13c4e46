"""The scores of taggers as TFMA metrics, see `ulmfit_tfx.evaluation.metrics`."""

import functools
from typing import Literal, get_args

import numpy as np
import tensorflow_model_analysis as tfma

from ulmfit_tfx.evaluation.eval_config import metric_config, rows_eval_config
from ulmfit_tfx.evaluation.metrics import Outputs, ScoreMetric, f1_of, mean_of, output, strings
from ulmfit_tfx.evaluation.scores import Unit, macro_f1, micro, micro_f1
from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.tasks.tagging.config import TaggingPipelineConfig
from ulmfit_tfx.tasks.tagging.scores import entity_units, require_same_words, right_words, word_units
from ulmfit_tfx.trainer_modules.serving import signature_names as signatures

Measure = Literal["precision", "recall", "f1"]


def eval_config(config: TaggingPipelineConfig) -> tfma.EvalConfig:
    """The scores of a tagger with their bounds, see `rows_eval_config`."""
    if (separator := config.tagging.tag_separator) is not None:
        kinds = {"micro_f1": TagMicroF1, "macro_f1": TagMacroF1}
        metrics = {name: metric_config(kind, name, separator=separator) for name, kind in kinds.items()}
    else:
        metrics = {"accuracy": metric_config(TagAccuracy, "accuracy")}
        if config.tagging.scheme != "plain":
            metrics |= {
                f"entity_{measure}": metric_config(EntityScores, f"entity_{measure}", measure=measure)
                for measure in get_args(Measure)
            }
    return rows_eval_config(metrics, feature_names.TAGS, config.data.sliced_by, config.evaluation)


class TagAccuracy(ScoreMetric):
    """Share of the words with the tag that is expected. Tagging."""

    def __init__(self, name: str = "accuracy"):
        """Describes the metric."""
        super().__init__(mean_of(_right_words), name)


class EntityScores(ScoreMetric):
    """Precision, recall or F1 of the entities of all types together. Tagging with `bio` or `bioes` tags."""

    def __init__(self, measure: Measure, name: str | None = None):
        """Describes the metric.

        Args:
            measure: Which of the three.
            name: In TFMA's results. None: `entity_f1` and so on.

        Raises:
            ValueError: `measure` is none of the three.
        """
        if measure not in get_args(Measure):
            raise ValueError(f"measure is {measure!r}, expected one of {', '.join(get_args(Measure))}")
        score = functools.partial(_micro, measure=measure)
        super().__init__(f1_of(_entities, score), name or f"entity_{measure}", measure=measure)


class TagMacroF1(ScoreMetric):
    """F1, the mean over the tags that are expected or predicted. Tagging with several tags a word."""

    def __init__(self, separator: str, name: str = "macro_f1"):
        """Describes the metric.

        Args:
            separator: What stands between the tags of a word.
            name: In TFMA's results.
        """
        super().__init__(f1_of(functools.partial(_word_tags, separator=separator), macro_f1), name, separator=separator)


class TagMicroF1(ScoreMetric):
    """F1 of all tags together. Tagging with several tags a word."""

    def __init__(self, separator: str, name: str = "micro_f1"):
        """Describes the metric.

        Args:
            separator: What stands between the tags of a word.
            name: In TFMA's results.
        """
        super().__init__(
            f1_of(functools.partial(_word_tags, separator=separator), micro_f1),
            name,
            separator=separator,
        )


def _micro(counts: np.ndarray, measure: Measure) -> float:
    return getattr(micro(counts), measure)


def _right_words(labels: np.ndarray | None, outputs: Outputs) -> tuple[float, int]:
    expected, predicted = _tags(labels, outputs)
    return right_words(expected, predicted), len(expected)


def _entities(labels: np.ndarray | None, outputs: Outputs) -> tuple[set[Unit], set[Unit]]:
    expected, predicted = _tags(labels, outputs)
    return entity_units(expected), entity_units(predicted)


def _word_tags(labels: np.ndarray | None, outputs: Outputs, separator: str) -> tuple[set[Unit], set[Unit]]:
    """The tags of the words of a sentence; that of a word without any is ""."""
    expected, predicted = (
        word_units([joined.split(separator) if joined else [] for joined in tags]) for tags in _tags(labels, outputs)
    )
    return expected, predicted


def _tags(labels: np.ndarray | None, outputs: Outputs) -> tuple[list[str], list[str]]:
    """Tags of the words of a sentence, expected and predicted: these without what pads them to the batch's longest."""
    (words,) = np.ravel(output(outputs, signatures.WORD_COUNTS))
    expected, predicted = strings(labels), strings(output(outputs, signatures.TAGS))[:words]
    require_same_words([expected], [predicted])
    return expected, predicted
