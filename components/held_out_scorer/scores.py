"""Accuracy with its interval, and the baselines that a classifier has to beat."""

import dataclasses
import json
import logging
from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

log = logging.getLogger(__name__)

REPORT_FILE = "held_out.json"


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """A share of right answers.

    Attributes:
        value: The share.
        low: Lower end of its 95 % interval (Wilson's).
        high: Upper end.
    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, predicted: Sequence[str], expected: Sequence[str]) -> "Accuracy":
        """Compares predictions with one or more labels."""
        right = int(np.sum(np.asarray(predicted) == np.asarray(expected)))
        interval = binomtest(right, len(expected)).proportion_ci(method="wilson")
        return cls(right / len(expected), float(interval.low), float(interval.high))


@dataclasses.dataclass(frozen=True)
class HeldOutReport:
    """Scores on the test split.

    Attributes:
        rows: Rows scored.
        model: The classifier.
        majority: The most frequent class of the train split, for every row.
        tfidf: TF-IDF with logistic regression, fitted on the train split; None where the texts hold nothing to count.
        from_scratch: The same classifier without pretraining; None where it was not asked for.
    """

    rows: int
    model: Accuracy
    majority: Accuracy
    tfidf: Accuracy | None
    from_scratch: Accuracy | None = None

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "HeldOutReport":
        """Reads what `to_json` wrote."""
        values = json.loads(text)
        rows = values.pop("rows")
        return cls(rows, **{name: scores and Accuracy(**scores) for name, scores in values.items()})


def majority_baseline(train_labels: Sequence[str], rows: int) -> list[str]:
    """The most frequent label, for each row."""
    model = DummyClassifier(strategy="most_frequent").fit(np.zeros((len(train_labels), 1)), train_labels)
    return list(model.predict(np.zeros((rows, 1))))


def tfidf_baseline(
    train_texts: Sequence[str], train_labels: Sequence[str], texts: Sequence[str], seed: int
) -> list[str] | None:
    """Predictions of a linear model on TF-IDF of words and word pairs.

    Of characters in a script without spaces between words; None where the texts hold not even these.
    """
    words = {"ngram_range": (1, 2), "min_df": 2}
    characters = {"ngram_range": (1, 3), "analyzer": "char_wb"}
    for terms in (words, characters):
        model = make_pipeline(
            TfidfVectorizer(sublinear_tf=True, **terms),
            LogisticRegression(C=10.0, max_iter=1000, random_state=seed),
        )
        try:
            return list(model.fit(train_texts, train_labels).predict(texts))
        except ValueError as error:  # no term is left
            log.info("TF-IDF of %s: %s", terms, error)
    return None
