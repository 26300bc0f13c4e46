"""Baselines, and how their answers and the model's are scored."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from ulmfit_tfx.tasks.classification.baselines import (
    Classification,
    linear_class,
    linear_labels,
    majority_class,
    majority_labels,
)
from ulmfit_tfx.tasks.classification.scores import ClassificationRows
from ulmfit_tfx.tasks.regression.baselines import Regression, linear_targets, mean_targets
from ulmfit_tfx.tasks.tagging.baselines import Tagging, most_frequent_tags
from ulmfit_tfx.transforms.records.record import Row

REVIEWS = ["great fun", "great joy", "dull bore", "dull waste"] * 5
MOODS = ["good", "good", "bad", "bad"] * 5


def test_majority_is_that_of_training_with_the_shares_of_training():
    shares = majority_class(["b", "a", "b", "b"], 2, ["a", "b", "never"])
    np.testing.assert_allclose(shares, [[0.25, 0.75, 0]] * 2)


def test_linear_model_learns_what_words_tell():
    found = linear_class(REVIEWS, MOODS, ["great", "dull"], ["good", "bad"], seed=0)
    assert (found.argmax(axis=1) == [0, 1]).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_linear_model_gives_a_class_without_training_no_probability():
    found = linear_class(REVIEWS, MOODS, ["great"], ["never", "bad", "good"], seed=0)
    assert found[0, 0] == 0
    assert found[0].argmax() == 2


def test_linear_model_counts_characters_of_a_script_without_spaces():
    texts = ["很好看的电影", "好看极了", "真好看啊", "难看的电影", "太难看了", "真难看啊"]
    found = linear_class(texts, ["good"] * 3 + ["bad"] * 3, ["好看", "难看"], ["good", "bad"], seed=0)
    assert (found.argmax(axis=1) == [0, 1]).all()


def test_linear_models_of_texts_without_terms_do_not_answer():
    assert linear_class(["  ", " "], ["a", "b"], [" "], ["a", "b"], seed=0) is None
    assert linear_labels(["  ", " "], [["a"], []], [" "], ["a"], seed=0) is None
    assert linear_targets(["  ", " "], np.zeros((2, 1)), [" "]) is None


def test_rows_without_weight_teach_linear_models_nothing():
    texts, labels = REVIEWS + REVIEWS, MOODS + [{"good": "bad", "bad": "good"}[mood] for mood in MOODS]
    weights = [0.0] * 20 + [1.0] * 20
    single = linear_class(texts, labels, ["great"], ["good", "bad"], 0, weights)
    several = linear_labels(texts, [[label] for label in labels], ["great"], ["good", "bad"], 0, weights)
    numbers = np.array([[float(label == "good")] for label in labels])
    target = linear_targets(texts, numbers, ["great"], weights)
    assert single[0].argmax() == several[0].argmax() == 1
    assert target[0, 0] < 0.3  # 0.5 if all rows counted alike


def test_labels_of_the_majority_are_those_of_more_than_half_of_the_rows():
    rows = [["a", "b"], ["a"], ["a", "c"], ["b"]]
    np.testing.assert_array_equal(majority_labels(rows, 2, ["a", "b", "c"]), [[1, 0, 0]] * 2)


def test_without_a_label_of_more_than_half_of_the_rows_the_majority_is_the_most_frequent_set():
    rows = [["b", "a"], ["a", "b"], ["c"], ["d"], []]
    np.testing.assert_array_equal(majority_labels(rows, 1, ["a", "b", "c", "d"]), [[1, 1, 0, 0]])
    np.testing.assert_array_equal(majority_labels([[], [], ["c"]], 1, ["c"]), [[0]])


def test_linear_model_of_several_labels_decides_on_each_by_itself():
    texts = ["great fun", "great fun and long", "dull", "dull and long"] * 5
    labels = [["good", "text"], ["good", "slow", "text"], ["text"], ["slow", "text"]] * 5
    classes = ["never", "slow", "good", "text"]
    found = linear_labels(texts, labels, ["great and long", "fun", "dull"], classes, seed=0)
    np.testing.assert_array_equal(found > 0.5, [[0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]])
    np.testing.assert_array_equal(found[:, [0, 3]], [[0, 1]] * 3)


def test_linear_model_of_several_labels_of_which_one_alone_is_not_everywhere():
    labels = [["good", "text"], ["good", "text"], ["text"], ["text"]] * 5
    found = linear_labels(REVIEWS, labels, ["great", "dull"], ["text", "good"], seed=0)
    np.testing.assert_array_equal(found > 0.5, [[1, 1], [1, 0]])


def test_mean_is_that_of_training():
    np.testing.assert_allclose(mean_targets(np.array([[1, 10], [2, 40]]), 3), [[1.5, 25]] * 3)


def test_linear_model_of_numbers_is_ridge_regression_within_the_range_of_training():
    rng = np.random.default_rng(0)
    words = [f"w{index}" for index in range(12)]
    worth = rng.normal(size=(12, 2))
    draws = [rng.choice(12, size=4, replace=False) for _ in range(80)]
    texts = [" ".join(words[index] for index in draw) for draw in draws]
    targets = np.array([worth[draw].sum(axis=0) for draw in draws])
    targets[0] += 50  # an outlier, so that some answers would be lower than any number of training
    terms = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2).fit(texts)
    fitted, asked = terms.transform(texts).toarray(), terms.transform(words).toarray()
    centred, mean = fitted - fitted.mean(axis=0), targets.mean(axis=0)
    weights = np.linalg.solve(centred.T @ centred + np.eye(centred.shape[1]), centred.T @ (targets - mean))
    expected = (asked - fitted.mean(axis=0)) @ weights + mean
    assert (expected < targets.min(axis=0)).any()
    found = linear_targets(texts, targets, words)
    np.testing.assert_allclose(found, np.clip(expected, targets.min(axis=0), targets.max(axis=0)), atol=1e-4)


def test_words_get_the_tag_that_they_most_often_have_and_unseen_ones_the_most_frequent():
    words = [["a", "Warsaw", "bank"], ["a", "bank", "bank"]]
    tags = [["O", "B-LOC", "B-ORG"], ["O", "O", "O"]]
    asked = [["Warsaw", "bank", "river"], []]
    assert most_frequent_tags(words, tags, asked) == [["B-LOC", "O", "O"], []]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["X", "Y", "Z"])), min_size=1), st.randoms())
def test_tags_of_words_do_not_depend_on_the_order_of_rows(pairs, chance):
    shuffled = chance.sample(pairs, len(pairs))
    first, second = (
        most_frequent_tags([[word] for word, _ in rows], [[tag] for _, tag in rows], [list("abcd")])
        for rows in (pairs, shuffled)
    )
    assert first == second


def test_interval_of_the_accuracy_is_wilsons():
    probabilities = np.array([[1.0, 0.0]] * 80 + [[0.0, 1.0]] * 20)
    scored = ClassificationRows(["a"] * 100, probabilities, ["a", "b"])
    accuracy = Classification(["a", "b"]).intervals(scored, 10, 0)["accuracy"]
    # Wilson 1927 for 80 of 100 at 95 %: centre (p + z²/2n) / (1 + z²/n), z = 1.96.
    assert (accuracy.value, accuracy.low, accuracy.high) == pytest.approx((0.8, 0.7112, 0.8666), abs=1e-4)


def test_other_intervals_are_bootstrapped_and_hold_most_samples_of_the_same_kind():
    random_rows = random.Random(0)
    contest, scores = Regression(["x"]), []
    for _ in range(40):
        expected = np.array([[random_rows.gauss(0, 1)] for _ in range(60)])
        scored = contest.scored(
            [Row("t", targets=(float(value),)) for value in expected[:, 0]],
            expected + [[random_rows.gauss(0, 1)] for _ in range(60)],
        )
        scores.append(contest.intervals(scored, 200, 0)["mae"])
    mean_absolute_error = np.sqrt(2 / np.pi)  # of the standard normal distribution
    assert sum(score.low < mean_absolute_error < score.high for score in scores) >= 33  # 38 are expected


def test_several_tags_of_a_word_are_compared_as_sets():
    contest = Tagging("plain", "|")
    scored = contest.scored([Row("a b", words=("a", "b"), tags=("X|Y", ""))], [["Y|X", "Z"]])
    assert scored.scores()["micro_f1"] == pytest.approx(2 * 2 / (3 + 2))
