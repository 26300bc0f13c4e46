"""Bootstrap intervals, against the binomial distribution."""

import numpy as np
import pytest
from scipy import stats

from ulmfit_tfx.evaluation.intervals import Interval, bootstrap, with_intervals
from ulmfit_tfx.tasks.classification.scores import ClassificationRows
from ulmfit_tfx.tasks.regression.scores import RegressionRows


def test_intervals_of_a_share_are_those_of_the_binomial_distribution():
    right = np.arange(400) < 320
    found = with_intervals(lambda indices: {"accuracy": right[indices].mean()}, 400, samples=4000, seed=1)
    low, high = stats.binom.ppf([0.025, 0.975], 400, 0.8) / 400
    assert found == {"accuracy": Interval(0.8, pytest.approx(low, abs=0.004), pytest.approx(high, abs=0.004))}


def test_intervals_follow_from_the_seed():
    rows = RegressionRows(*np.random.default_rng(0).normal(size=(2, 30, 1)))
    first, again, other = (with_intervals(rows.scores, len(rows), 20, seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_intervals_are_of_the_samples_that_a_score_is_defined_for():
    rows = ClassificationRows(["a", "b"], [[0.9, 0.1], [0.1, 0.9]], ["a", "b"])
    found = with_intervals(rows.scores, len(rows), samples=50, seed=0)
    assert found["auc"] == Interval(1.0, 1.0, 1.0)  # half of the samples have one class


def test_intervals_of_differences_are_paired():
    """Of systems that differ in few rows, the difference of two shares has the deviation of those rows alone."""
    rows = 400
    own, others = np.arange(rows) < 320, np.arange(rows) < 300
    first, second = (
        bootstrap(lambda indices, right=right: {"accuracy": right[indices].mean()}, rows, 4000, seed=2)
        for right in (own, others)
    )
    found = first.differences(second)["accuracy"]
    low, high = stats.binom.ppf([0.025, 0.975], rows, 20 / rows) / rows
    assert found == Interval(pytest.approx(20 / rows), pytest.approx(low, abs=0.003), pytest.approx(high, abs=0.003))


def test_differences_of_a_system_to_itself_are_nothing():
    rows = RegressionRows(*np.random.default_rng(0).normal(size=(2, 30, 1)))
    found = bootstrap(rows.scores, len(rows), 20, seed=3)
    assert set(found.differences(found).values()) == {Interval(0.0, 0.0, 0.0)}


def test_differences_are_of_the_scores_and_samples_that_both_systems_have():
    rows = ClassificationRows(["a", "b"], [[0.9, 0.1], [0.1, 0.9]], ["a", "b"])
    wrong = ClassificationRows(["a", "b"], [[0.1, 0.9], [0.9, 0.1]], ["a", "b"])
    right, other = (bootstrap(of.scores, 2, samples=50, seed=0) for of in (rows, wrong))
    assert right.differences(other)["auc"] == Interval(1.0, 1.0, 1.0)  # half of the samples have one class
    alone = bootstrap(lambda indices: {"accuracy": 1.0}, 2, samples=50, seed=0)
    assert set(alone.differences(right)) == {"accuracy"}
