"""Baselines that a model has to beat: what is most frequent in training, and linear models on TF-IDF.

Of a classifier they give probabilities, as the model does, so that the same scores are computed of both.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import scipy.sparse
import sklearn
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier

log = logging.getLogger(__name__)

_Countable = TypeVar("_Countable", str, tuple[str, ...])

_WORDS = {"ngram_range": (1, 2), "min_df": 2}
_CHARACTERS = {"ngram_range": (1, 3), "analyzer": "char_wb"}


def majority_class(train_labels: Sequence[str], rows: int, classes: Sequence[str]) -> np.ndarray:
    """Answers each row with the shares of the classes in training, of which the largest is the label.

    Returns:
        float64 [rows, classes].
    """
    model = DummyClassifier(strategy="prior").fit(np.zeros((len(train_labels), 1)), train_labels)
    return _by_class(model.predict_proba(np.zeros((rows, 1))), model.classes_, classes)


def linear_class(
    train_texts: Sequence[str],
    train_labels: Sequence[str],
    texts: Sequence[str],
    classes: Sequence[str],
    seed: int,
    weights: Sequence[float] | None = None,
) -> np.ndarray | None:
    """Answers of logistic regression on TF-IDF, see `tfidf`.

    Args:
        train_texts: Fitted on.
        train_labels: Theirs, two or more different ones.
        texts: To be labelled.
        classes: The columns of the result. One that never occurs in training has probability 0.
        seed: Of the regression.
        weights: What each row of training counts; None: all the same.

    Returns:
        float64 [texts, classes]; None where the texts hold nothing to count.
    """
    terms = tfidf(train_texts, texts)
    if terms is None:
        return None
    model = _logistic_regression(seed).fit(terms[0], train_labels, sample_weight=weights)
    return _by_class(model.predict_proba(terms[1]), model.classes_, classes)


def majority_labels(train_labels: Sequence[Sequence[str]], rows: int, classes: Sequence[str]) -> np.ndarray:
    """Answers each row with the labels that more than half of the rows of training have.

    Where there is none, with the labels that most often occur together, which may be none at all.

    Returns:
        float64 [rows, classes], 1 for a label that is given, else 0.
    """
    counts = Counter(label for labels in train_labels for label in set(labels))
    given: Sequence[str] = [label for label, count in counts.items() if 2 * count > len(train_labels)]
    if not given:
        given = _most_frequent(Counter(tuple(sorted(set(labels))) for labels in train_labels))
    return np.tile([float(name in given) for name in classes], (rows, 1))


def linear_labels(
    train_texts: Sequence[str],
    train_labels: Sequence[Sequence[str]],
    texts: Sequence[str],
    classes: Sequence[str],
    seed: int,
    weights: Sequence[float] | None = None,
) -> np.ndarray | None:
    """As `linear_class`, of texts with any number of labels: one regression a class, against the rest.

    Returns:
        float64 [texts, classes]; None where the texts hold nothing to count.
    """
    terms = tfidf(train_texts, texts)
    if terms is None:
        return None
    given = np.array([[name in labels for name in classes] for labels in train_labels], int)
    is_told_apart = given.any(axis=0) & ~given.all(axis=0)
    probabilities = np.tile(given.mean(axis=0), (len(texts), 1))
    if is_told_apart.any():
        # Without routing, scikit-learn does not hand weights on to the regressions.
        with sklearn.config_context(enable_metadata_routing=True):
            regression = _logistic_regression(seed).set_fit_request(sample_weight=True)
            weighted = {} if weights is None else {"sample_weight": weights}
            model = OneVsRestClassifier(regression).fit(terms[0], given[:, is_told_apart], **weighted)
        probabilities[:, is_told_apart] = model.predict_proba(terms[1]).reshape(len(texts), -1)
    return probabilities


def mean_targets(train_targets: np.ndarray, rows: int) -> np.ndarray:
    """Answers each row with the mean of each target.

    Args:
        train_targets: float [rows of training, targets].
        rows: Rows to answer.

    Returns:
        float64 [rows, targets].
    """
    return np.tile(np.mean(train_targets, axis=0, dtype=np.float64), (rows, 1))


def linear_targets(
    train_texts: Sequence[str],
    train_targets: np.ndarray,
    texts: Sequence[str],
    weights: Sequence[float] | None = None,
) -> np.ndarray | None:
    """Answers of ridge regression on TF-IDF, see `tfidf`, cut to the range of each target in training.

    Args:
        train_texts: Fitted on.
        train_targets: float [rows of training, targets].
        texts: To be answered.
        weights: What each row of training counts; None: all the same.

    Returns:
        float64 [texts, targets]; None where the texts hold nothing to count.
    """
    terms = tfidf(train_texts, texts)
    if terms is None:
        return None
    targets = np.asarray(train_targets, np.float64)
    answers = Ridge(tol=1e-6).fit(terms[0], targets, sample_weight=weights).predict(terms[1])
    return np.clip(np.reshape(answers, (len(texts), targets.shape[1])), targets.min(axis=0), targets.max(axis=0))


def most_frequent_tags(
    train_words: Sequence[Sequence[str]], train_tags: Sequence[Sequence[str]], words: Sequence[Sequence[str]]
) -> list[list[str]]:
    """Answers each word with the tag that it most often has in training, an unseen one with the most frequent tag.

    Args:
        train_words: The words of each row of training.
        train_tags: Their tags; several tags of a word joined into one string.
        words: The words of the rows to tag.
    """
    by_word: dict[str, Counter[str]] = {}
    for row_words, row_tags in zip(train_words, train_tags, strict=True):
        for word, tag in zip(row_words, row_tags, strict=True):
            by_word.setdefault(word, Counter())[tag] += 1
    tag_of = {word: _most_frequent(tags) for word, tags in by_word.items()}
    overall = _most_frequent(Counter(tag for row_tags in train_tags for tag in row_tags))
    return [[tag_of.get(word, overall) for word in row] for row in words]


def tfidf(
    train_texts: Sequence[str], texts: Sequence[str]
) -> tuple[scipy.sparse.csr_matrix, scipy.sparse.csr_matrix] | None:
    """TF-IDF of words and word pairs, of characters in a script without spaces between words.

    Returns:
        float64 [train_texts, terms] and [texts, terms]; None where the texts hold not even characters to count.
    """
    options: Mapping[str, Any]
    for options in (_WORDS, _CHARACTERS):
        vectorizer = TfidfVectorizer(sublinear_tf=True, **options)
        try:
            return vectorizer.fit_transform(train_texts), vectorizer.transform(texts)
        except ValueError as error:  # no term is left
            log.info("TF-IDF of %s: %s", options, error)
    return None


def _logistic_regression(seed: int) -> LogisticRegression:
    return LogisticRegression(C=10.0, max_iter=1000, random_state=seed)


def _by_class(probabilities: np.ndarray, found: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    column_of = {name: column for column, name in enumerate(found)}
    absent = np.zeros(len(probabilities))
    columns = [probabilities[:, column_of[name]] if name in column_of else absent for name in classes]
    return np.stack(columns, axis=1)


def _most_frequent(counts: Counter[_Countable]) -> _Countable:
    """The order in which rows were read decides nothing: Beam promises none."""
    return max(counts, key=lambda counted: (counts[counted], counted))
