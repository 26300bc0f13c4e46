import functools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from seqeval import metrics as seqeval
from sklearn import metrics as sklearn
from sklearn.preprocessing import MultiLabelBinarizer

from ulmfit_tfx.evaluation.scores import LabelScores, calibration_sums
from ulmfit_tfx.tasks.classification.scores import (
    ClassificationRows,
    MultiLabelRows,
    classification_scores,
    labels_from,
    multi_label_scores,
)
from ulmfit_tfx.tasks.regression.scores import RegressionRows, regression_scores
from ulmfit_tfx.tasks.tagging.scores import (
    MultiLabelTaggingRows,
    TaggingRows,
    entity_table,
    multi_label_tagging_scores,
    tagging_scores,
)

CLASSES = ("a", "b", "c", "d")
TYPES = ("PER", "LOC", "ORG-X")
TAGS = {
    "bio": ["O", *(f"{prefix}-{kind}" for prefix in "BI" for kind in TYPES)],
    "bioes": ["O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in TYPES)],
    "plain": ["NOUN", "VERB", "O"],
}

generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)
counts_of_rows = st.integers(1, 12)


def _labels(generator, rows):
    return [str(label) for label in generator.choice(CLASSES, size=rows)]


def _label_sets(generator, rows):
    return [{name for name in CLASSES if generator.random() < 0.3} for _ in range(rows)]


def _probabilities(generator, rows):
    """With ties within a row and between rows, and on the edges of bins."""
    return generator.choice([0.0, 0.125, 0.2, 0.4, 0.6, 1.0], size=(rows, len(CLASSES)))


def _numbers(generator, rows):
    """With ties, of two targets."""
    return generator.integers(1, 6, size=(rows, 2)).astype(float)


def _sentences(generator, lengths, tags):
    return [[str(tag) for tag in generator.choice(tags, size=length)] for length in lengths]


def _tag_sets(generator, lengths):
    return [_label_sets(generator, length) for length in lengths]


def _rows_of(task, generator, rows):
    """How to build `Rows` of a task, and what is expected and predicted of random ones."""
    lengths = generator.integers(0, 8, size=rows)
    if task == "classification":
        build = functools.partial(ClassificationRows, classes=CLASSES)
        return build, _labels(generator, rows), _probabilities(generator, rows)
    if task == "multi_label":
        build = functools.partial(MultiLabelRows, classes=CLASSES, threshold=0.4)
        return build, _label_sets(generator, rows), _probabilities(generator, rows)
    if task == "regression":
        return RegressionRows, _numbers(generator, rows), _numbers(generator, rows)
    if task == "multi_label_tagging":
        return MultiLabelTaggingRows, _tag_sets(generator, lengths), _tag_sets(generator, lengths)
    sentences = (_sentences(generator, lengths, TAGS[task]) for _ in range(2))
    return functools.partial(TaggingRows, scheme=task), *sentences


def _mean_area(there, probabilities):
    """By scikit-learn, of the classes that have texts in and out of them; None where there are none."""
    areas = [
        sklearn.roc_auc_score(column, of_class)
        for column, of_class in zip(there.T, probabilities.T, strict=True)
        if 0 < column.sum() < len(column)
    ]
    return np.mean(areas) if areas else None


def _calibration_error(confidences, right):
    """Guo et al. 2017, equations 3 to 5, bin by bin."""
    error = 0.0
    for index in range(15):
        inside = [i for i, p in enumerate(confidences) if index / 15 < p <= (index + 1) / 15 or (index == 0 and p == 0)]
        if inside:
            gap = np.mean([right[i] for i in inside]) - np.mean([confidences[i] for i in inside])
            error += len(inside) / len(confidences) * abs(gap)
    return error


@given(generators, counts_of_rows)
def test_classification_scores_are_those_of_scikit_learn(generator, rows):
    expected, probabilities = _labels(generator, rows), _probabilities(generator, rows)
    predicted = [CLASSES[index] for index in probabilities.argmax(axis=1)]
    there = np.array(expected)[:, np.newaxis] == np.array(CLASSES)
    found = classification_scores(expected, probabilities, CLASSES)
    assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(expected, predicted))
    assert found["macro_f1"] == pytest.approx(sklearn.f1_score(expected, predicted, average="macro"))
    assert found.get("auc") == (pytest.approx(area) if (area := _mean_area(there, probabilities)) is not None else None)
    right = np.equal(expected, predicted)
    assert found["calibration_error"] == pytest.approx(_calibration_error(probabilities.max(axis=1), right))


@given(generators, counts_of_rows)
def test_multi_label_scores_are_those_of_scikit_learn(generator, rows):
    expected, probabilities = _label_sets(generator, rows), _probabilities(generator, rows)
    there = MultiLabelBinarizer(classes=CLASSES).fit_transform(expected)
    given_ = probabilities >= 0.4
    occur = [index for index in range(len(CLASSES)) if there[:, index].any() or given_[:, index].any()]
    f1 = functools.partial(sklearn.f1_score, there, given_, labels=occur or [0], zero_division=0)
    found = multi_label_scores(expected, probabilities, CLASSES, 0.4)
    assert found["micro_f1"] == pytest.approx(f1(average="micro"))
    assert found["macro_f1"] == pytest.approx(f1(average="macro"))
    assert found.get("auc") == (pytest.approx(area) if (area := _mean_area(there, probabilities)) is not None else None)
    assert found["calibration_error"] == pytest.approx(_calibration_error(probabilities.ravel(), there.ravel()))


def test_a_label_that_the_model_does_not_know_is_missed():
    found = classification_scores(["a", "new"], [[0.9, 0.1], [0.8, 0.2]], ["a", "b"])
    # F1 of a: 2 * 1 / (2 + 1), of new: 0. b occurs nowhere. No text but the first is of a known class.
    assert found["accuracy"] == 0.5
    assert found["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)
    assert found["auc"] == 1.0
    several = multi_label_scores([{"a", "new"}], [[0.9, 0.1]], ["a", "b"], 0.5)
    assert several["micro_f1"] == pytest.approx(2 * 1 / (1 + 2))


def test_a_label_is_given_from_the_threshold_on_in_the_precision_of_the_model():
    probability = np.float32(0.7)  # below 0.7 by 1.2e-8
    assert float(probability) < 0.7
    assert labels_from(np.array([float(probability), 0.69]), ["a", "b"], 0.7) == ["a"]


def test_classes_without_texts_on_both_sides_have_no_area():
    assert "auc" not in classification_scores(["a", "a"], [[0.9, 0.1], [0.8, 0.2]], ["a", "b"])


def test_calibration_sums_are_by_row_and_bin():
    sums = calibration_sums(np.array([[0.0, 0.2], [0.97, 0.95]]), np.array([[False, True], [True, False]]))
    occupied = {(row, index): tuple(sums[row, :, index]) for row, index in np.argwhere(sums[:, 0])}
    # Decisions, their probabilities, and those that are right: 0.2 = 3 / 15 is the upper end of the third bin.
    assert occupied == {(0, 0): (1, 0, 0), (0, 2): (1, 0.2, 1), (1, 14): (2, pytest.approx(1.92), 1)}


@given(generators, st.integers(3, 12))
def test_regression_scores_are_those_of_scipy_and_scikit_learn(generator, rows):
    expected, predicted = (generator.normal([0, 1000], size=(rows, 2)).round(1) for _ in range(2))
    expected[0] -= 5  # constant in none
    predicted[1] += 5
    found = regression_scores(expected, predicted)
    assert found["mae"] == pytest.approx(sklearn.mean_absolute_error(expected, predicted))
    assert found["rmse"] == pytest.approx(math.sqrt(sklearn.mean_squared_error(expected, predicted)))
    for name, function in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr)):
        lowest = min(function(expected[:, target], predicted[:, target]).statistic for target in range(2))
        assert found[name] == pytest.approx(lowest, abs=1e-9)


def test_correlation_with_a_constant_is_zero_without_a_warning():
    numbers, constant = [[0.1], [0.3], [0.7]], [[0.1], [0.1], [0.1]]
    for expected, predicted in ((numbers, constant), (constant, numbers)):
        found = regression_scores(expected, predicted)
        assert (found["pearson"], found["spearman"]) == (0.0, 0.0)


def test_one_minus_wmae_is_a_mean_over_values_of_the_target():
    expected = [[1.0], [1.0], [1.0], [5.0], [3.0]]
    predicted = [[1.0], [2.0], [-7.0], [3.0], [6.0]]
    # Of 4, the range: 1: (0 + 1 + 0) / 3 / 4, -7 counting as 1; 5: 2 / 4; 3: 2 / 4, 6 counting as 5.
    wmae = ((0 + 1 + 0) / 3 / 4 + 2 / 4 + 2 / 4) / 3
    assert regression_scores(expected, predicted)["one_minus_wmae"] == pytest.approx(1 - wmae)


def test_one_minus_wmae_is_a_mean_over_targets():
    first, second = [[1.0], [2.0], [2.0]], [[10.0], [30.0], [20.0]]
    predicted = [[1.25], [2.0], [1.0]], [[10.0], [10.0], [10.0]]
    each = [regression_scores(*pair)["one_minus_wmae"] for pair in zip((first, second), predicted, strict=True)]
    both = regression_scores(np.hstack([first, second]), np.hstack(predicted))
    assert each[0] != each[1]
    assert both["one_minus_wmae"] == pytest.approx(np.mean(each))


def test_one_minus_wmae_of_a_target_with_one_value_is_absent():
    assert "one_minus_wmae" not in regression_scores([[2.0], [2.0]], [[1.0], [2.0]])


@given(generators, counts_of_rows, st.sampled_from(["bio", "bioes"]))
@settings(max_examples=300)
def test_entity_scores_are_those_of_seqeval(generator, rows, scheme):
    _, expected, predicted = _rows_of(scheme, generator, rows)
    found = tagging_scores(expected, predicted, scheme)
    for measure in ("precision", "recall", "f1"):
        by_seqeval = getattr(seqeval, f"{measure}_score")(expected, predicted, zero_division=0)
        assert found[f"entity_{measure}"] == pytest.approx(by_seqeval)
    words = [tag for sentence in expected for tag in sentence]
    assert ("accuracy" in found) == bool(words)
    if words:
        assert found["accuracy"] == pytest.approx(seqeval.accuracy_score(expected, predicted))


@given(generators, counts_of_rows, st.sampled_from(["bio", "bioes"]))
def test_entity_table_is_the_report_of_seqeval(generator, rows, scheme):
    _, expected, predicted = _rows_of(scheme, generator, rows)
    table = entity_table(expected, predicted, scheme)
    if not table:
        assert not seqeval.sequence_labeling.get_entities(expected + predicted)
        return
    report = seqeval.classification_report(expected, predicted, output_dict=True, zero_division=0)
    by_type = {label: tuple(values.values()) for label, values in report.items() if not label.endswith(" avg")}
    assert {label: pytest.approx(tuple(row)) for label, *row in table} == by_type


def test_plain_tags_have_no_entities_and_a_table_of_tags():
    expected, predicted = [["NOUN", "VERB"], ["NOUN"]], [["NOUN", "NOUN"], ["O"]]
    assert tagging_scores(expected, predicted, "plain") == {"accuracy": pytest.approx(1 / 3)}
    assert entity_table(expected, predicted, "plain") == [
        LabelScores("NOUN", 0.5, 0.5, 0.5, 2),
        LabelScores("O", 0.0, 0.0, 0.0, 0),
        LabelScores("VERB", 0.0, 0.0, 0.0, 1),
    ]


@given(generators, counts_of_rows)
def test_multi_label_tagging_scores_are_those_of_scikit_learn(generator, rows):
    _, expected, predicted = _rows_of("multi_label_tagging", generator, rows)
    words = [[tags for sentence in side for tags in sentence] for side in (expected, predicted)]
    there, given_ = (MultiLabelBinarizer(classes=CLASSES).fit_transform([*side, set()]) for side in words)
    occur = [index for index in range(len(CLASSES)) if there[:, index].any() or given_[:, index].any()]
    f1 = functools.partial(sklearn.f1_score, there, given_, labels=occur or [0], zero_division=0)
    found = multi_label_tagging_scores(expected, predicted)
    assert found == {"micro_f1": pytest.approx(f1(average="micro")), "macro_f1": pytest.approx(f1(average="macro"))}


@pytest.mark.parametrize("task", ["classification", "multi_label", "regression", "bio", "plain", "multi_label_tagging"])
@given(generator=generators, rows=counts_of_rows)
@settings(max_examples=50)
def test_scores_of_indices_are_those_of_the_rows_they_name(task, generator, rows):
    build, expected, predicted = _rows_of(task, generator, rows)
    indices = generator.integers(rows, size=generator.integers(1, 20))
    taken = build([expected[index] for index in indices], [predicted[index] for index in indices])
    assert build(expected, predicted).scores(indices) == pytest.approx(taken.scores())


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (lambda: classification_scores([], np.empty((0, 2)), "ab"), "there are no rows"),
        (lambda: classification_scores(["a"], [[0.1]], "ab"), r"probabilities have shape \[1, 1\], .* \[1, 2\]"),
        (lambda: classification_scores("aa", [[0.1, 0.9], [math.nan, 0]], "ab"), "not finite in 1 of 2 rows"),
        (lambda: regression_scores([1.0], [1.0]), r"have shape \(1,\), expected \[texts, targets\]"),
        (lambda: regression_scores([[1.0]], [[math.inf]]), "predicted numbers are not finite in 1 of 1"),
        (lambda: tagging_scores([["O"]], [], "bio"), "0 sentences are tagged, expected 1"),
        (lambda: tagging_scores([[], ["O"]], [[], []], "bio"), "sentence 1 has 0 predicted tags, .* 1"),
    ],
)
def test_what_does_not_fit_is_refused(score, message):
    with pytest.raises(ValueError, match=message):
        score()


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield
