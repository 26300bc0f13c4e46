"""A regressor among its baselines: the mean, ridge regression on TF-IDF, and of pairs of texts how like they are."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LinearRegression

from ulmfit_tfx.evaluation import catalogue
from ulmfit_tfx.evaluation.contest import Contest, texts_of, weights_of
from ulmfit_tfx.evaluation.linear_baselines import TextFeatures, answers, fitted_ridge, rows_to_fit, text_features
from ulmfit_tfx.evaluation.scores import Rows
from ulmfit_tfx.tasks.regression.predictor import ScorePrediction
from ulmfit_tfx.tasks.regression.scores import RegressionRows
from ulmfit_tfx.transforms.records.record import Row


@dataclasses.dataclass(frozen=True)
class Regression(Contest):
    """Texts with numbers, which are the answers. `separator` is what stands between the texts of a pair."""

    targets: Sequence[str]
    separator: str | None = None

    @property
    def leading(self) -> str:
        """See `Contest`."""
        return "mae"

    def of_model(self, predictions: Sequence[ScorePrediction]) -> np.ndarray:
        """A number for each target."""
        return np.array([[prediction.scores[name] for name in self.targets] for prediction in predictions])

    def of_baselines(self, train: Sequence[Row], rows: Sequence[Row], seed: int) -> dict[str, np.ndarray | None]:
        """The mean, ridge regression, and of pairs the cosine."""
        targets = np.array([row.targets for row in train])
        linear = LinearTargets(texts_of(train), targets, seed, weights_of(train), self.separator)
        return {
            catalogue.MEAN: mean_targets(targets, len(rows)),
            catalogue.COSINE: linear.by_cosine(texts_of(rows)),
            catalogue.TFIDF: linear.by_ridge(texts_of(rows)),
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


class LinearTargets:
    """Linear models of numbers. Answers are cut to the range of each target in training."""

    def __init__(
        self,
        texts: Sequence[str],
        targets: np.ndarray,
        seed: int,
        weights: Sequence[float] | None = None,
        separator: str | None = None,
    ):
        """Turns the train split into features.

        Args:
            texts: Fitted on.
            targets: Theirs, float [texts, targets].
            seed: Of samples and folds.
            weights: What each row counts; None: all the same.
            separator: Between the two texts of a pair, see `TextFeatures`.
        """
        rows = rows_to_fit(texts, weights, seed)
        self._targets = np.asarray(targets, np.float64)[rows]
        self._weights = None if weights is None else np.array(weights)[rows]
        self._features: TextFeatures | None = text_features([texts[row] for row in rows], separator)
        self._seed = seed

    def by_ridge(self, texts: Sequence[str]) -> np.ndarray | None:
        """Answers of ridge regression on TF-IDF, with alpha by cross-validation.

        Returns:
            float64 [texts, targets]; None where the texts hold nothing to count.
        """
        if self._features is None:
            return None
        model = fitted_ridge(self._features.of_train(), self._targets, self._weights, self._seed)
        return self._cut(answers(model.predict, self._features, texts))

    def by_cosine(self, texts: Sequence[str]) -> np.ndarray | None:
        """Answers of a straight line through the cosines of the TF-IDF of both texts, of words and of characters.

        Returns:
            float64 [texts, targets]; None where the texts are no pairs, or hold nothing to count.
        """
        if self._features is None or not self._features.are_pairs:
            return None
        model = LinearRegression().fit(self._features.cosines_of_train(), self._targets, self._weights)
        return self._cut(model.predict(self._features.cosines(texts)))

    def _cut(self, found: np.ndarray) -> np.ndarray:
        shape = (len(found), self._targets.shape[1])
        return np.clip(np.reshape(found, shape), self._targets.min(axis=0), self._targets.max(axis=0))
