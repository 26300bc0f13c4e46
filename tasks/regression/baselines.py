"""A regressor among its baselines: the mean, and ridge regression on TF-IDF."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import Ridge

from ulmfit_tfx.evaluation import catalogue
from ulmfit_tfx.evaluation.contest import Contest, texts_of, weights_of
from ulmfit_tfx.evaluation.linear_baselines import tfidf
from ulmfit_tfx.evaluation.scores import Rows
from ulmfit_tfx.tasks.regression.predictor import ScorePrediction
from ulmfit_tfx.tasks.regression.scores import RegressionRows
from ulmfit_tfx.transforms.records.record import Row


@dataclasses.dataclass(frozen=True)
class Regression(Contest):
    """Texts with numbers, which are the answers."""

    targets: Sequence[str]

    def of_model(self, predictions: Sequence[ScorePrediction]) -> np.ndarray:
        """A number for each target."""
        return np.array([[prediction.scores[name] for name in self.targets] for prediction in predictions])

    def of_baselines(self, train: Sequence[Row], rows: Sequence[Row], seed: int) -> dict[str, np.ndarray | None]:
        """The mean, and ridge regression, in which there is no chance."""
        targets = np.array([row.targets for row in train])
        return {
            catalogue.MEAN: mean_targets(targets, len(rows)),
            catalogue.TFIDF: linear_targets(texts_of(train), targets, texts_of(rows), weights_of(train)),
        }

    def scored(self, rows: Sequence[Row], answers: np.ndarray) -> Rows:
        """Holds numbers against numbers."""
        return RegressionRows([row.targets for row in rows], answers)


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
