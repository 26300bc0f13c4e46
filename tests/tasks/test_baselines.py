"""Baselines, and how their answers and the model's are scored."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import KFold

from ulmfit_tfx.evaluation.intervals import bootstrap
from ulmfit_tfx.evaluation.linear_baselines import ALPHAS, FOLDS
from ulmfit_tfx.tasks.classification.baselines import (
    Classification,
    linear_class,
    linear_labels,
    majority_class,
    majority_labels,
    taught_distributions,
)
from ulmfit_tfx.tasks.classification.scores import ClassificationRows
from ulmfit_tfx.tasks.regression.baselines import LinearTargets, Regression, mean_targets
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
    assert LinearTargets(["  ", " "], np.zeros((2, 1)), 0).by_ridge([" "]) is None


def test_rows_without_weight_teach_linear_models_nothing():
    texts, labels = REVIEWS + REVIEWS, MOODS + [{"good": "bad", "bad": "good"}[mood] for mood in MOODS]
    weights = [0.0] * 20 + [1.0] * 20
    single = linear_class(texts, labels, ["great"], ["good", "bad"], 0, weights)
    several = linear_labels(texts, [[label] for label in labels], ["great"], ["good", "bad"], 0, weights)
    numbers = np.array([[float(label == "good")] for label in labels])
    target = LinearTargets(texts, numbers, 0, weights).by_ridge(["great"])
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


@pytest.mark.parametrize("labels", [["a"], ["a", "b"], ["a", "b", "b"], ["a", "b", "c", "c"], ["a"] * 4])
def test_linear_model_of_very_few_rows_answers(labels):
    texts = ["great fun", "dull", "long", "short"][: len(labels)]
    found = linear_class(texts, labels, ["great", "?"], ["a", "b", "c"], seed=0)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found[:, [name not in labels for name in "abc"]] == 0).all()


def test_several_labels_of_very_few_rows_are_answered():
    found = linear_labels(["great fun", "dull"], [["a"], []], ["great"], ["a", "b"], seed=0)
    assert found[0, 0] > 0.5
    assert found[0, 1] == 0


def test_numbers_of_very_few_rows_are_answered():
    assert LinearTargets(["great"], np.array([[2.0]]), 0).by_ridge(["great", "dull"]).tolist() == [[2.0], [2.0]]


def _vectors(fitted, asked):
    """Words and pairs of words beside characters, dense."""
    kinds = ({"ngram_range": (1, 2)}, {"ngram_range": (2, 5), "analyzer": "char_wb"})
    terms = [TfidfVectorizer(sublinear_tf=True, min_df=2, **kind).fit(fitted) for kind in kinds]
    return [np.hstack([term.transform(texts).toarray() for term in terms]) for texts in (fitted, asked)]


def _ridge(fitted, targets, asked, alpha):
    """In closed form, the mean of the targets not held back."""
    centred, mean = fitted - fitted.mean(axis=0), targets.mean(axis=0)
    weights = np.linalg.solve(centred.T @ centred + alpha * np.eye(centred.shape[1]), centred.T @ (targets - mean))
    return (asked - fitted.mean(axis=0)) @ weights + mean


def test_linear_model_of_numbers_is_ridge_regression_within_the_range_of_training():
    rng = np.random.default_rng(0)
    words = [f"w{index}" for index in range(12)]
    worth = rng.normal(size=(12, 2))
    draws = [rng.choice(12, size=4, replace=False) for _ in range(80)]
    texts = [" ".join(words[index] for index in draw) for draw in draws]
    targets = np.array([worth[draw].sum(axis=0) for draw in draws])
    targets[:, 1] += rng.normal(size=80) * 5  # held back more than the other
    targets[0] += 50  # an outlier, so that some answers would be lower than any number of training
    fitted, asked = _vectors(texts, words)
    rows = np.sort(np.random.default_rng(0).permutation(80))
    errors = np.zeros((len(ALPHAS), 2))
    for kept, left in KFold(FOLDS, shuffle=True, random_state=0).split(rows):
        for index, alpha in enumerate(ALPHAS):
            found = _ridge(fitted[kept], targets[kept], fitted[left], alpha)
            errors[index] += np.square(found - targets[left]).mean(axis=0)
    alphas = np.array(ALPHAS)[errors.argmin(axis=0)]
    expected = np.hstack([_ridge(fitted, targets[:, [n]], asked, alpha) for n, alpha in enumerate(alphas)])
    found = LinearTargets(texts, targets, 0).by_ridge(words)
    np.testing.assert_allclose(found, np.clip(expected, targets.min(axis=0), targets.max(axis=0)), atol=1e-3)


PAIRS = [("a red car", "a red car"), ("a red car", "some green tree"), ("green tree", "a green tree"), ("sun", "moon")]


def _joined(pairs):
    return [f"{first} [SEP] {second}" for first, second in pairs]


def test_pairs_are_answered_by_a_line_through_the_cosines_of_their_vectors():
    pairs = PAIRS * 3
    targets = np.array([[5.0], [1.0], [4.0], [0.0]] * 3)
    counted = [first for first, _ in pairs] + [second for _, second in pairs]
    kinds = ({"ngram_range": (1, 2)}, {"ngram_range": (2, 5), "analyzer": "char_wb"})
    cosines = []
    for kind in kinds:
        vectors = TfidfVectorizer(sublinear_tf=True, min_df=2, **kind).fit_transform(counted).toarray()
        cosines.append((vectors[: len(pairs)] * vectors[len(pairs) :]).sum(axis=1))
    design = np.stack([*cosines, np.ones(len(pairs))], axis=1)
    expected = np.clip(design @ np.linalg.lstsq(design, targets, rcond=None)[0], 0, 5)
    found = LinearTargets(_joined(pairs), targets, 0, separator="[SEP]").by_cosine(_joined(pairs))
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_texts_of_which_one_is_no_pair_have_no_cosine():
    texts = [*_joined(PAIRS), "one text"]
    assert LinearTargets(texts, np.zeros((5, 1)), 0, separator="[SEP]").by_cosine(["a [SEP] b"]) is None


def test_linear_model_of_pairs_tells_whether_their_texts_are_alike():
    """No word tells: each of them is in as many pairs of the one kind as of the other."""
    words = ["red", "green", "blue", "black", "white", "brown", "grey", "pink"]
    alike = [(word, word) for word in words]
    different = [(word, words[(index + 1) % 8]) for index, word in enumerate(words)]
    asked = _joined([("red", "red"), ("red", "blue"), ("pink", "pink"), ("black", "grey")])
    labels = ["alike"] * 8 + ["different"] * 8
    found = linear_class(_joined(alike + different), labels, asked, ["alike", "different"], 0, None, "[SEP]")
    assert found.argmax(axis=1).tolist() == [0, 1, 0, 1]


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
    accuracy = Classification(["a", "b"]).intervals(scored, bootstrap(scored.scores, 100, 10, 0))["accuracy"]
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
        scores.append(contest.intervals(scored, bootstrap(scored.scores, 60, 200, 0))["mae"])
    mean_absolute_error = np.sqrt(2 / np.pi)  # of the standard normal distribution
    assert sum(score.low < mean_absolute_error < score.high for score in scores) >= 33  # 38 are expected


def test_several_tags_of_a_word_are_compared_as_sets():
    contest = Tagging("plain", "|")
    scored = contest.scored([Row("a b", words=("a", "b"), tags=("X|Y", ""))], [["Y|X", "Z"]])
    assert scored.scores()["micro_f1"] == pytest.approx(2 * 2 / (3 + 2))


def test_taught_baseline_learns_what_the_teacher_says():
    few = [Row("a good film", label="good"), Row("a bad film", label="bad")]
    more = [
        Row(f"{word} {number}", label="", teacher_probabilities=(1 - good, good), is_transfer=True)
        for number in range(8)
        for word, good in [("splendid", 0.9), ("dreadful", 0.1)]
    ]
    contest = Classification(["good", "bad"])
    found = contest.of_taught(few + more, [Row("splendid"), Row("dreadful")], seed=1)["taught_tfidf"]
    assert found[0, 0] > 0.6
    assert found[1, 1] > 0.6
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_label_and_teacher_are_half_of_a_distribution_each():
    rows = [
        Row("x", label="good"),
        Row("x", label="good", teacher_probabilities=(0.5, 0.5)),
        Row("x", label="", teacher_probabilities=(0.2, 0.8), is_transfer=True),
    ]
    expected = [[1, 0], [0.75, 0.25], [0.8, 0.2]]
    np.testing.assert_allclose(taught_distributions(rows, ["good", "bad"]), expected)
