"""Where a model stands beside the strongest of its baselines."""

import pytest

from ulmfit_tfx.evaluation.intervals import Interval
from ulmfit_tfx.evaluation.standing import Standing, standing


def _systems(score, **values):
    return {name: {score: Interval(value, value, value)} for name, value in values.items()}


def test_model_is_held_against_the_strongest_baseline_and_not_against_itself_from_scratch():
    systems = _systems("accuracy", model=0.8, from_scratch=0.95, majority=0.5, tfidf=0.7)
    differences = {
        "from_scratch": {"accuracy": Interval(-0.15, -0.2, -0.1)},
        "majority": {"accuracy": Interval(0.3, 0.2, 0.4)},
        "tfidf": {"accuracy": Interval(0.1, -0.1, 0.3)},
    }
    assert standing("accuracy", systems, differences) == Standing("accuracy", "tfidf", Interval(0.1, -0.1, 0.3))


def test_model_is_ahead_where_its_error_is_lower():
    systems = _systems("mae", model=0.5, mean=0.9, tfidf=0.6)
    differences = {"mean": {"mae": Interval(-0.4, -0.5, -0.3)}, "tfidf": {"mae": Interval(-0.1, -0.3, -0.05)}}
    found = standing("mae", systems, differences)
    assert found == Standing("mae", "tfidf", Interval(0.1, 0.05, 0.3))
    assert found.is_significant


def test_without_a_baseline_that_has_the_score_there_is_no_standing():
    assert standing("accuracy", _systems("accuracy", model=0.8, from_scratch=0.7), {}) is None
    systems = _systems("accuracy", model=0.8, majority=0.7)
    assert standing("accuracy", systems, {}) is None
    assert standing("auc", systems, {"majority": {"accuracy": Interval(0.1, 0.1, 0.1)}}) is None


@pytest.mark.parametrize(
    ("lead", "sentence"),
    [
        ((0.02, 0.01, 0.03), "accuracy ahead of TF-IDF + linear by 0.0200 (0.010..0.030): significant"),
        ((0.02, -0.01, 0.05), "accuracy ahead of TF-IDF + linear by 0.0200 (-0.010..0.050): not significant"),
        ((-0.02, -0.05, 0.01), "accuracy behind TF-IDF + linear by 0.0200 (-0.010..0.050): not significant"),
        ((-0.02, -0.03, -0.01), "accuracy behind TF-IDF + linear by 0.0200 (0.010..0.030): significant"),
        ((0.0, -0.01, 0.01), "accuracy level with TF-IDF + linear (-0.010..0.010): not significant"),
    ],
)
def test_sentence_says_where_by_how_much_and_whether_that_is_significant(lead, sentence):
    assert Standing("accuracy", "tfidf", Interval(*lead)).sentence() == sentence
