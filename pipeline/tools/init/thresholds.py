"""A threshold that says "better than an answer that is always the same", from the counts of the labels."""

import math
from typing import NamedTuple

from ulmfit_tfx.pipeline.tools.init.survey import Survey
from ulmfit_tfx.pipeline.tools.init.task_names import CLASSIFICATION, LANGUAGE_MODEL, REGRESSION

_UNBALANCED = 0.8
"""Share of the most frequent label from which on the accuracy says little."""
_OUTSIDE = "O"


class Threshold(NamedTuple):
    """What blesses a model.

    Attributes:
        measure: Its name in `evaluation.thresholds`.
        value: To be reached; of errors not to be exceeded.
        reason: In words.
    """

    measure: str
    value: float
    reason: str


def threshold_for(task: str, survey: Survey, vocabulary: int, several_labels: bool, scheme: str | None) -> Threshold:
    """Chooses a measure, and the value that a model has to be better than.

    Args:
        task: Its name.
        survey: Of the rows.
        vocabulary: Pieces of the tokenizer.
        several_labels: Whether a row may have several labels.
        scheme: Of the tags of a tagging.
    """
    if task == LANGUAGE_MODEL:
        return Threshold("perplexity", float(vocabulary), "a guess among all pieces has as much as there are pieces")
    if task == REGRESSION:
        return _of_numbers(survey)
    if scheme in ("bio", "bioes"):
        return Threshold("entity_f1", 0.01, "a tagger that finds nothing has 0")
    if several_labels:
        return _of_several_labels(survey)
    return _of_labels(survey, task)


def _of_labels(survey: Survey, task: str) -> Threshold:
    (label, count), *_ = survey.labels.most_common(1) or [("", 0)]
    share = count / max(survey.labels.total(), 1)
    if task == CLASSIFICATION and share >= _UNBALANCED:
        macro = 2 * share / (1 + share) / len(survey.labels)
        return Threshold("macro_f1", _above(macro), f"always '{label}' has {macro:.3f}, and an accuracy of {share:.3f}")
    return Threshold("accuracy", _above(share), f"always '{label}' has {share:.3f}")


def _of_several_labels(survey: Survey) -> Threshold:
    """Of the labels that more than half of the rows have, or else of those that most often occur together."""
    given = tuple(label for label, count in survey.labels.items() if 2 * count > survey.total)
    given = given or max(survey.together, key=lambda labels: survey.together[labels], default=())
    right = sum(survey.labels[label] for label in given)
    answered = survey.total * len(given) + survey.labels.total()
    score = 2 * right / answered if answered else 0.0
    always = f"always '{', '.join(given)}'" if given else "never a label"
    return Threshold("micro_f1", _above(score), f"{always} has {score:.3f}")


def _of_numbers(survey: Survey) -> Threshold:
    rows = max(survey.total, 1)
    variances = [squares / rows - (total / rows) ** 2 for total, squares in survey.targets]
    deviation = math.sqrt(max(sum(variances) / max(len(variances), 1), 0.0))
    return Threshold("rmse", float(f"{deviation:.3g}"), "the mean of all rows is wrong by as much: less is better")


def _above(score: float) -> float:
    """The next thousandth."""
    return min(math.floor(score * 1000 + 1) / 1000, 0.999)
