"""What scores and systems are called, wherever they are shown: on the terminal, in the report, in the model card.

A score is named in files as its threshold is in `evaluation.thresholds`.
"""

import dataclasses
from collections.abc import Iterable
from typing import Literal

Scale = Literal["share", "correlation", "number", "perplexity"]
"""What a score lies on: 0 to 1; -1 to 1; from 0 on, in the unit of what is predicted; from 1 on."""


@dataclasses.dataclass(frozen=True)
class Score:
    """A score.

    Attributes:
        title: What it is called in the midst of a sentence.
        meaning: What it measures.
        hub_metric: Its name among the metrics of the Hugging Face Hub.
        scale: What its values are.
        lower_is_better: Whether it measures what is wrong.
        unit: What it is of, such as `a piece`; "" for what has none.
    """

    title: str
    meaning: str
    hub_metric: str
    scale: Scale = "share"
    lower_is_better: bool = False
    unit: str = ""

    @property
    def heading(self) -> str:
        """The title where it begins a line: `Macro F1`."""
        return self.title[0].upper() + self.title[1:]


SCORES = {
    "entity_f1": Score("entity F1", "harmonic mean of entity precision and recall", "f1"),
    "entity_precision": Score("entity precision", "share of the found entities that are right", "precision"),
    "entity_recall": Score("entity recall", "share of the expected entities that are found", "recall"),
    "accuracy": Score("accuracy", "share that is right", "accuracy"),
    "micro_f1": Score("micro F1", "of all labels together", "f1"),
    "macro_f1": Score("macro F1", "mean over the labels", "f1"),
    "auc": Score("AUC", "area under the ROC curve, mean over the classes", "roc_auc"),
    "pearson": Score("Pearson", "correlation, the lowest of any target", "pearsonr", "correlation"),
    "spearman": Score("Spearman", "correlation of ranks, the lowest of any target", "spearmanr", "correlation"),
    "one_minus_wmae": Score("1 - wMAE", "KLEJ's, mean over the expected values", "one_minus_wmae"),
    "mae": Score("MAE", "mean absolute error, lower is better", "mae", "number", True),
    "rmse": Score("RMSE", "root of the mean squared error, lower is better", "rmse", "number", True),
    "calibration_error": Score(
        "calibration error",
        "how far probabilities are from how often they come true (ECE), lower is better",
        "expected_calibration_error",
        lower_is_better=True,
    ),
    "perplexity": Score(
        "perplexity", "of each piece of a text, lower is better", "perplexity", "perplexity", True, "a piece"
    ),
    "word_perplexity": Score(
        "perplexity", "the same restated for each word, lower is better", "perplexity", "perplexity", True, "a word"
    ),
}
"""By name, in the order in which they are shown."""


@dataclasses.dataclass(frozen=True)
class System:
    """What answers the rows of the test split.

    Attributes:
        title: What it is called.
        what: What it is, as a phrase.
    """

    title: str
    what: str


MODEL = "model"
FROM_SCRATCH = "from_scratch"
MAJORITY = "majority"
MEAN = "mean"
MOST_FREQUENT_TAG = "most_frequent_tag"
PERCEPTRON = "perceptron"
COSINE = "cosine"
TFIDF = "tfidf"
TAUGHT_TFIDF = "taught_tfidf"

SYSTEMS = {
    MODEL: System("this model", "the model of the run"),
    FROM_SCRATCH: System("without pretraining", "the same model, trained on the same rows from random weights"),
    MAJORITY: System("majority class", "answers every text with the most frequent class, or classes, of training"),
    MEAN: System("mean of training", "answers every text with the mean of each target in training"),
    MOST_FREQUENT_TAG: System("most frequent tag", "gives each word the tag that it most often has in training"),
    PERCEPTRON: System(
        "structured perceptron",
        "a linear model of sequences, kin to a conditional random field, on forms, affixes and shapes of words and of "
        "two neighbours on each side, fitted on the train split",
    ),
    COSINE: System(
        "cosine of TF-IDF",
        "a straight line through the cosines of the TF-IDF of both texts of a pair, fitted on the train split",
    ),
    TFIDF: System(
        "TF-IDF + linear",
        "logistic or ridge regression on the TF-IDF of words, word pairs and characters, its penalty by "
        "cross-validation, fitted on the train split",
    ),
    TAUGHT_TFIDF: System(
        "taught TF-IDF + linear",
        "the same regression, fitted on the train split and on the teacher's rows with its probabilities",
    ),
}
"""By name in `held_out.json`, in the order in which they are shown."""


NO_BASELINES = (MODEL, FROM_SCRATCH)
"""Systems that are no simple models to be ahead of."""


def lower_is_better(name: str) -> bool:
    """Whether a score measures what is wrong."""
    return SCORES[name].lower_is_better


def title_of(name: str) -> str:
    """What a score, or another quantity that a training measures, is called.

    >>> title_of("micro_f1"), title_of("loss")
    ('micro F1', 'loss')
    """
    return SCORES[name].title if name in SCORES else name.replace("_", " ")


def in_order(names: Iterable[str]) -> list[str]:
    """Names of scores, each once, in the order in which they are shown.

    >>> in_order(["mae", "accuracy", "mae"])
    ['accuracy', 'mae']
    """
    found = set(names)
    return [name for name in SCORES if name in found]
