"""Linear baselines at full strength: what they are fitted on, and how their penalty is chosen.

Features are words and pairs of words (Wang and Manning 2012, "Baselines and Bigrams") beside n-grams of characters
(Cavnar and Trenkle 1994, "N-Gram-Based Text Categorization"). Logistic and ridge regression are scikit-learn's; their
penalty is chosen by cross-validation within the train split.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, StratifiedKFold

log = logging.getLogger(__name__)

PENALTIES_C = (1.0, 3.0, 10.0, 30.0, 100.0)
"""Of logistic regression, the strongest penalty first."""
DEFAULT_C = 10.0
ALPHAS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Of ridge regression."""
DEFAULT_ALPHA = 1.0
FOLDS = 3

MOST_CHARACTERS = 20_000_000
"""Of the texts of the train split that a baseline is fitted on: those of more are a sample."""
MOST_ROWS_VALIDATED = 5000
"""That the penalty is chosen by."""
_MOST_WEIGHTS = 5_000_000
"""Of a model: classes times terms. The solver keeps some twenty copies of them."""
_ENOUGH_ROWS = 10
"""From which on a term has to occur in two of them."""
_SUMS_SHARE = 0.3
"""Of pairs: what they differ in tells more than what they are about."""
_ROWS_AT_ONCE = 10_000

_KINDS: tuple[Mapping[str, Any], ...] = (
    {"ngram_range": (1, 2)},
    {"ngram_range": (2, 5), "analyzer": "char_wb"},
)


class TextFeatures:
    """TF-IDF of words and pairs of words, and beside it TF-IDF of n-grams of 2 to 5 characters within words.

    Both are sublinear, each of length 1, and both leave out what occurs in one row alone. In a script without spaces
    between words, and where the train split is tiny, the characters are what tells texts apart.

    Of pairs of texts: the sums and the absolute differences of the vectors of both, and their cosines. A pair is a text
    with a separator; where one text of the train split has none, all are taken as single texts.

    Attributes:
        are_pairs: Whether texts are pairs.
    """

    def __init__(self, texts: Sequence[str], separator: str | None = None, outputs: int = 1):
        """Counts terms.

        Args:
            texts: Of the train split.
            separator: Between the two texts of a pair. None: there are no pairs.
            outputs: Weights that a model has for a term. The more, the fewer of the rarest terms are kept.

        Raises:
            ValueError: The texts hold nothing to count.
        """
        self._separator = separator
        self.are_pairs = separator is not None and all(separator in text for text in texts)
        sides = self._sides(texts)
        counted = [text for side in sides for text in side]
        most = max(_MOST_WEIGHTS // (len(_KINDS) * outputs * len(sides)), 1)
        found = (_fitted(counted, len(texts), {**kind, "max_features": most}) for kind in _KINDS)
        fitted = [counts for counts in found if counts is not None]
        if not fitted:
            raise ValueError("the texts hold nothing to count")
        self._vectorizers = [vectorizer for vectorizer, _ in fitted]
        firsts = range(0, len(counted), len(texts))
        self._of_train = [[vectors[first : first + len(texts)] for _, vectors in fitted] for first in firsts]

    def of_train(self) -> scipy.sparse.csr_matrix:
        """Features of the texts of the train split, float64 [texts, features]."""
        return _features(self._of_train)

    def of(self, texts: Sequence[str]) -> scipy.sparse.csr_matrix:
        """Features of texts, float64 [texts, features]."""
        return _features(self._vectors(texts))

    def cosines_of_train(self) -> np.ndarray:
        """As `cosines`, of the texts of the train split."""
        return _cosines(*self._of_train)

    def cosines(self, texts: Sequence[str]) -> np.ndarray:
        """Of pairs, the cosines of the vectors of both texts: of words, of characters; float64 [texts, 1 or 2]."""
        return _cosines(*self._vectors(texts))

    def _vectors(self, texts: Sequence[str]) -> list[list[scipy.sparse.csr_matrix]]:
        return [[vectorizer.transform(side) for vectorizer in self._vectorizers] for side in self._sides(texts)]

    def _sides(self, texts: Sequence[str]) -> list[list[str]]:
        """The texts, or the first ones of the pairs and the second ones."""
        if self._separator is None or not self.are_pairs:
            return [list(texts)]
        parts = [text.partition(self._separator) for text in texts]
        return [[first for first, _, _ in parts], [second for _, _, second in parts]]


def text_features(texts: Sequence[str], separator: str | None = None, outputs: int = 1) -> TextFeatures | None:
    """See `TextFeatures`; None where the texts hold nothing to count."""
    try:
        return TextFeatures(texts, separator, outputs)
    except ValueError as error:
        log.info("TF-IDF: %s", error)
        return None


def _fitted(
    texts: Sequence[str], rows: int, options: Mapping[str, Any]
) -> tuple[TfidfVectorizer, scipy.sparse.csr_matrix] | None:
    """What turns texts into vectors, and those of the texts that it is fitted on."""
    for least_rows in (2, 1) if rows >= _ENOUGH_ROWS else (1,):
        vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=least_rows, **options)
        try:
            return vectorizer, vectorizer.fit_transform(texts)
        except ValueError as error:  # no term is left
            log.info("TF-IDF of %s: %s", options, error)
    return None


def _features(sides: Sequence[Sequence[scipy.sparse.csr_matrix]]) -> scipy.sparse.csr_matrix:
    """From vectors of words and of characters, of the texts or of both texts of pairs."""
    if len(sides) == 1:
        return scipy.sparse.hstack(sides[0], format="csr")
    first, second = sides
    differences = [abs(a - b) for a, b in zip(first, second, strict=True)]
    sums = [_SUMS_SHARE * (a + b) for a, b in zip(first, second, strict=True)]
    cosines = scipy.sparse.csr_matrix(_cosines(first, second))
    return scipy.sparse.hstack([*differences, *sums, cosines], format="csr")


def _cosines(first: Sequence[scipy.sparse.csr_matrix], second: Sequence[scipy.sparse.csr_matrix]) -> np.ndarray:
    products = (a.multiply(b).sum(axis=1) for a, b in zip(first, second, strict=True))  # of vectors of length 1
    return np.concatenate([np.asarray(product) for product in products], axis=1)


def rows_to_fit(texts: Sequence[str], weights: Sequence[float] | None, seed: int) -> np.ndarray:
    """Rows of the train split that a baseline is fitted on: those that count, up to `MOST_CHARACTERS` of text.

    Args:
        texts: Of the rows.
        weights: What each of them counts; None: all the same.
        seed: Of the sample where there are too many.

    Returns:
        int [rows], ascending; one at least.
    """
    rows = np.arange(len(texts)) if weights is None or not np.any(weights) else np.flatnonzero(weights)
    lengths = np.array([len(texts[row]) for row in rows])
    if lengths.sum() <= MOST_CHARACTERS:
        return rows
    order = np.random.default_rng(seed).permutation(len(rows))
    kept = max(int(np.searchsorted(np.cumsum(lengths[order]), MOST_CHARACTERS, side="right")), 1)
    log.info("linear baselines are fitted on %s of %s rows", kept, len(rows))
    return rows[np.sort(order[:kept])]


def answers(
    ask: Callable[[scipy.sparse.csr_matrix], np.ndarray], features: TextFeatures, texts: Sequence[str]
) -> np.ndarray:
    """Answers of a model to texts, some of which are turned into features at a time.

    Args:
        ask: From features to answers, float [texts, ...].
        features: What the model is fitted on.
        texts: To be answered, one at least.
    """
    parts = range(0, len(texts), _ROWS_AT_ONCE)
    return np.concatenate([ask(features.of(texts[first : first + _ROWS_AT_ONCE])) for first in parts])


def logistic_regression(penalty: float, seed: int) -> LogisticRegression:
    """Not fitted yet.

    Args:
        penalty: Its C.
        seed: Of the regression.
    """
    return LogisticRegression(C=penalty, max_iter=1000, random_state=seed)


def chosen_c(
    features: scipy.sparse.csr_matrix, labels: Sequence[np.ndarray], weights: np.ndarray | None, seed: int
) -> float:
    """C of logistic regression, by the log loss in a stratified cross-validation.

    From the strongest penalty on, C grows as long as the loss falls. Labels of fewer rows than there are folds are left
    out, and where there is nothing to tell apart then, C is the default.

    Args:
        features: float64 [rows, features] of the train split.
        labels: Of the rows, [rows]; one such array, or several, that one C is chosen for.
        weights: What each row counts, none of them 0; None: all the same.
        seed: Of the sample of rows, where there are many, and of the folds.
    """
    sampled = _validated(features.shape[0], seed)
    problems = [(of_rows, rows) for of_rows in labels if (rows := _told_apart(of_rows, sampled)) is not None]
    if not problems:
        return DEFAULT_C

    def loss(penalty: float) -> float:
        return sum(_log_loss(penalty, features, of_rows, weights, rows, seed) for of_rows, rows in problems)

    lowest, chosen = np.inf, DEFAULT_C
    for penalty in PENALTIES_C:
        if (found := loss(penalty)) >= lowest:
            break
        lowest, chosen = found, penalty
    return chosen


def _validated(rows: int, seed: int) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).permutation(rows)[:MOST_ROWS_VALIDATED])


def _told_apart(labels: np.ndarray, rows: np.ndarray) -> np.ndarray | None:
    """Those of some rows whose label has a row for each fold; None where these have one label."""
    _, ids, counts = np.unique(labels[rows], return_inverse=True, return_counts=True)
    kept = rows[counts[ids] >= FOLDS]
    return kept if np.sum(counts >= FOLDS) > 1 else None


def _log_loss(
    penalty: float,
    features: scipy.sparse.csr_matrix,
    labels: np.ndarray,
    weights: np.ndarray | None,
    rows: np.ndarray,
    seed: int,
) -> float:
    total = 0.0
    for fitted, asked in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(rows, labels[rows]):
        fit, ask = rows[fitted], rows[asked]
        model = logistic_regression(penalty, seed).fit(features[fit], labels[fit], sample_weight=_of(weights, fit))
        found = model.predict_proba(features[ask])
        total += log_loss(labels[ask], found, labels=model.classes_, sample_weight=_of(weights, ask))
    return total / FOLDS


def fitted_ridge(
    features: scipy.sparse.csr_matrix, targets: np.ndarray, weights: np.ndarray | None, seed: int
) -> Ridge:
    """Ridge regression whose alpha, of each target its own, has the lowest squared error in a cross-validation.

    Where there are fewer rows than two a fold, alpha is the default.

    Args:
        features: float64 [rows, features] of the train split.
        targets: float64 [rows, targets].
        weights: What each row counts, none of them 0; None: all the same.
        seed: Of the sample of rows, where there are many, and of the folds.
    """
    rows = _validated(len(targets), seed)
    alphas = np.full(targets.shape[1], DEFAULT_ALPHA)
    if len(rows) >= 2 * FOLDS:
        errors = [_squared_errors(alpha, features, targets, weights, rows, seed) for alpha in ALPHAS]
        alphas = np.array(ALPHAS)[np.argmin(errors, axis=0)]
    return _ridge(alphas).fit(features, targets, sample_weight=weights)


def _ridge(alpha: np.ndarray) -> Ridge:
    return Ridge(alpha=alpha, solver="sparse_cg", tol=1e-6)


def _squared_errors(
    alpha: float,
    features: scipy.sparse.csr_matrix,
    targets: np.ndarray,
    weights: np.ndarray | None,
    rows: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Of each target, float64 [targets]."""
    total = np.zeros(targets.shape[1])
    for fitted, asked in KFold(FOLDS, shuffle=True, random_state=seed).split(rows):
        fit, ask = rows[fitted], rows[asked]
        model = _ridge(np.full(targets.shape[1], alpha)).fit(features[fit], targets[fit], _of(weights, fit))
        found = model.predict(features[ask]).reshape(targets[ask].shape)
        total += np.average(np.square(found - targets[ask]), axis=0, weights=_of(weights, ask))
    return total


def _of(weights: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if weights is None else weights[rows]
