import random

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from task_model_writer import write_classifier, write_regressor, write_tagger
from tfx.types import standard_artifacts

from ulmfit_tfx.components.held_out_scorer.contest import contest_of, intervals_of
from ulmfit_tfx.components.held_out_scorer.executor import Executor
from ulmfit_tfx.components.reports.held_out import HeldOutReport
from ulmfit_tfx.components.row_encoding import serialized_examples
from ulmfit_tfx.evaluation import baselines
from ulmfit_tfx.evaluation.scores import ClassificationRows, Interval
from ulmfit_tfx.transforms.records.record import Row

REVIEWS = ["great fun", "great joy", "dull bore", "dull waste"] * 5
MOODS = ["good", "good", "bad", "bad"] * 5


def test_majority_is_that_of_training_with_the_shares_of_training():
    shares = baselines.majority_class(["b", "a", "b", "b"], 2, ["a", "b", "never"])
    np.testing.assert_allclose(shares, [[0.25, 0.75, 0]] * 2)


def test_linear_model_learns_what_words_tell():
    found = baselines.linear_class(REVIEWS, MOODS, ["great", "dull"], ["good", "bad"], seed=0)
    assert (found.argmax(axis=1) == [0, 1]).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_linear_model_gives_a_class_without_training_no_probability():
    found = baselines.linear_class(REVIEWS, MOODS, ["great"], ["never", "bad", "good"], seed=0)
    assert found[0, 0] == 0
    assert found[0].argmax() == 2


def test_linear_model_counts_characters_of_a_script_without_spaces():
    texts = ["很好看的电影", "好看极了", "真好看啊", "难看的电影", "太难看了", "真难看啊"]
    found = baselines.linear_class(texts, ["good"] * 3 + ["bad"] * 3, ["好看", "难看"], ["good", "bad"], seed=0)
    assert (found.argmax(axis=1) == [0, 1]).all()


def test_linear_models_of_texts_without_terms_do_not_answer():
    assert baselines.linear_class(["  ", " "], ["a", "b"], [" "], ["a", "b"], seed=0) is None
    assert baselines.linear_labels(["  ", " "], [["a"], []], [" "], ["a"], seed=0) is None
    assert baselines.linear_targets(["  ", " "], np.zeros((2, 1)), [" "]) is None


def test_rows_without_weight_teach_linear_models_nothing():
    texts, labels = REVIEWS + REVIEWS, MOODS + [{"good": "bad", "bad": "good"}[mood] for mood in MOODS]
    weights = [0.0] * 20 + [1.0] * 20
    single = baselines.linear_class(texts, labels, ["great"], ["good", "bad"], 0, weights)
    several = baselines.linear_labels(texts, [[label] for label in labels], ["great"], ["good", "bad"], 0, weights)
    numbers = np.array([[float(label == "good")] for label in labels])
    target = baselines.linear_targets(texts, numbers, ["great"], weights)
    assert single[0].argmax() == several[0].argmax() == 1
    assert target[0, 0] < 0.3  # 0.5 if all rows counted alike


def test_labels_of_the_majority_are_those_of_more_than_half_of_the_rows():
    rows = [["a", "b"], ["a"], ["a", "c"], ["b"]]
    np.testing.assert_array_equal(baselines.majority_labels(rows, 2, ["a", "b", "c"]), [[1, 0, 0]] * 2)


def test_without_a_label_of_more_than_half_of_the_rows_the_majority_is_the_most_frequent_set():
    rows = [["b", "a"], ["a", "b"], ["c"], ["d"], []]
    np.testing.assert_array_equal(baselines.majority_labels(rows, 1, ["a", "b", "c", "d"]), [[1, 1, 0, 0]])
    np.testing.assert_array_equal(baselines.majority_labels([[], [], ["c"]], 1, ["c"]), [[0]])


def test_linear_model_of_several_labels_decides_on_each_by_itself():
    texts = ["great fun", "great fun and long", "dull", "dull and long"] * 5
    labels = [["good", "text"], ["good", "slow", "text"], ["text"], ["slow", "text"]] * 5
    classes = ["never", "slow", "good", "text"]
    found = baselines.linear_labels(texts, labels, ["great and long", "fun", "dull"], classes, seed=0)
    np.testing.assert_array_equal(found > 0.5, [[0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]])
    np.testing.assert_array_equal(found[:, [0, 3]], [[0, 1]] * 3)


def test_mean_is_that_of_training():
    np.testing.assert_allclose(baselines.mean_targets(np.array([[1, 10], [2, 40]]), 3), [[1.5, 25]] * 3)


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
    found = baselines.linear_targets(texts, targets, words)
    np.testing.assert_allclose(found, np.clip(expected, targets.min(axis=0), targets.max(axis=0)), atol=1e-4)


def test_words_get_the_tag_that_they_most_often_have_and_unseen_ones_the_most_frequent():
    words = [["a", "Warsaw", "bank"], ["a", "bank", "bank"]]
    tags = [["O", "B-LOC", "B-ORG"], ["O", "O", "O"]]
    asked = [["Warsaw", "bank", "river"], []]
    assert baselines.most_frequent_tags(words, tags, asked) == [["B-LOC", "O", "O"], []]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["X", "Y", "Z"])), min_size=1), st.randoms())
def test_tags_of_words_do_not_depend_on_the_order_of_rows(pairs, chance):
    shuffled = chance.sample(pairs, len(pairs))
    first, second = (
        baselines.most_frequent_tags([[word] for word, _ in rows], [[tag] for _, tag in rows], [list("abcd")])
        for rows in (pairs, shuffled)
    )
    assert first == second


def test_interval_of_the_accuracy_is_wilsons():
    probabilities = np.array([[1.0, 0.0]] * 80 + [[0.0, 1.0]] * 20)
    accuracy = intervals_of(ClassificationRows(["a"] * 100, probabilities, ["a", "b"]), 10, 0)["accuracy"]
    # Wilson 1927 for 80 of 100 at 95 %: centre (p + z²/2n) / (1 + z²/n), z = 1.96.
    assert (accuracy.value, accuracy.low, accuracy.high) == pytest.approx((0.8, 0.7112, 0.8666), abs=1e-4)


def test_other_intervals_are_bootstrapped_and_hold_most_samples_of_the_same_kind():
    random_rows = random.Random(0)
    scores = []
    for _ in range(40):
        expected = np.array([[random_rows.gauss(0, 1)] for _ in range(60)])
        scored = contest_of({"task": "regression", "labels": [], "details": {"targets": ["x"]}}).scored(
            [Row("t", targets=(float(value),)) for value in expected[:, 0]],
            expected + [[random_rows.gauss(0, 1)] for _ in range(60)],
        )
        scores.append(intervals_of(scored, 200, 0)["mae"])
    mean_absolute_error = np.sqrt(2 / np.pi)  # of the standard normal distribution
    assert sum(score.low < mean_absolute_error < score.high for score in scores) >= 33  # 38 are expected


def test_report_survives_json():
    report = HeldOutReport("tagging", 3, {"model": {"accuracy": Interval(0.5, 0.1, 0.9)}, "most_frequent_tag": {}})
    assert HeldOutReport.from_json(report.to_json()) == report


def _artifact(kind, uri):
    artifact = kind()
    artifact.uri = str(uri)
    return [artifact]


@pytest.fixture
def scored(tmp_path):
    """Runs the executor on rows of the two splits with models that a writer writes; returns its report."""

    def run(train, test, write, from_scratch=None):
        inputs = {"examples": _artifact(standard_artifacts.Examples, tmp_path)}
        inputs["examples"][0].split_names = '["train", "test"]'
        for split, rows in {"train": train, "test": test}.items():
            (tmp_path / f"Split-{split}").mkdir()
            with tf.io.TFRecordWriter(f"{tmp_path}/Split-{split}/data_tfrecord.gz", "GZIP") as file:
                for row in rows:
                    file.write(*serialized_examples([row], ["all lengths"]))
        for key, writer in {"model": write, "model_from_scratch": from_scratch}.items():
            if writer is not None:
                writer(tmp_path / key / "Format-Serving")
                inputs[key] = _artifact(standard_artifacts.Model, tmp_path / key)
        outputs = {"report": _artifact(standard_artifacts.ModelEvaluation, tmp_path)}
        Executor().Do(inputs, outputs, {"seed": 0, "samples": 20})
        return HeldOutReport.from_json((tmp_path / "held_out.json").read_text())

    return run


def _values(report, score):
    return {system: scores[score].value for system, scores in report.systems.items()}


TRAIN_TEXTS = [Row("a good film", "good"), Row("a good plot", "good"), Row("a bad film", "bad")] * 3
TEST_TEXTS = [Row("good good", "good"), Row("bad", "bad"), Row("bad plain plain", "bad"), Row("good", "good")]


def test_classifier_is_scored_beside_majority_and_linear_model(scored):
    report = scored(TRAIN_TEXTS, TEST_TEXTS, write_classifier)
    assert (report.task, report.rows) == ("classification", 4)
    assert _values(report, "accuracy") == {"model": 0.75, "majority": 0.5, "tfidf": 1.0}
    assert report.systems["majority"]["auc"].value == 0.5


def test_model_without_pretraining_is_scored_on_the_same_rows(scored):
    report = scored(TRAIN_TEXTS, TEST_TEXTS, write_classifier, from_scratch=write_classifier)
    assert report.systems["from_scratch"] == report.systems["model"]


def test_classifier_of_several_labels_is_scored_by_the_labels_that_it_gives(scored):
    train = [Row("good", labels=("good",)), Row("bad good", labels=("good", "bad")), Row("good of it", labels=())]
    test = [Row("good bad", labels=("good", "bad")), Row("plain", labels=()), Row("none", labels=())]
    report = scored(train * 3, test, lambda folder: write_classifier(folder, label_separator=","))
    # The model gives three labels, of which two are right, and no more are expected; the majority's three, one.
    assert report.systems["model"]["micro_f1"].value == pytest.approx(2 * 2 / (3 + 2))
    assert report.systems["majority"]["micro_f1"].value == pytest.approx(2 * 1 / (3 + 2))
    assert set(report.systems) == {"model", "majority", "tfidf"}


def test_regressor_is_scored_beside_mean_and_linear_model(scored):
    train = [Row("short", targets=(5.0, 2.0, 11.0)), Row("longer text", targets=(11.0, 2.0, 11.0))] * 2
    test = [Row("short", targets=(6.0, 2.0, 11.0)), Row("longer text", targets=(11.0, 2.0, 11.0))]
    report = scored(train, test, write_regressor)
    # The model answers with the characters, the rows and the longest text of the batch: 5, 2, 11 and 11, 2, 11.
    assert report.systems["model"]["mae"].value == pytest.approx(1 / 6)
    assert report.systems["mean"]["mae"].value == pytest.approx((2 + 3) / 6)  # which is 8, 2, 11
    assert report.systems["tfidf"]["mae"].value < 3 / 6
    assert set(report.systems) == {"model", "mean", "tfidf"}


def _sentence(*pairs):
    return Row(" ".join(word for word, _ in pairs), words=tuple(w for w, _ in pairs), tags=tuple(t for _, t in pairs))


def test_tagger_is_scored_on_the_words_of_the_rows_beside_the_most_frequent_tags(scored):
    train = [_sentence(("Ann", "B-PER"), ("saw", "O"), ("5", "O"))]
    test = [_sentence(("Ann", "B-PER"), ("saw", "O"), ("Bob", "B-PER")), _sentence(("The", "O"), ("7", "B-NUM"))]
    report = scored(train, test, write_tagger)
    assert _values(report, "accuracy") == {"model": 0.8, "most_frequent_tag": 0.6}
    # Entities: the model finds four, three of the three that are there; the baseline one.
    assert _values(report, "entity_f1") == pytest.approx({"model": 6 / 7, "most_frequent_tag": 0.5})


def test_several_tags_of_a_word_are_compared_as_sets():
    contest = contest_of({"task": "tagging", "labels": [], "details": {"scheme": "plain", "tag_separator": "|"}})
    scored = contest.scored([_sentence(("a", "X|Y"), ("b", ""))], [["Y|X", "Z"]])
    assert scored.scores()["micro_f1"] == pytest.approx(2 * 2 / (3 + 2))
