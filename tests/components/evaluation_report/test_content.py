"""What is computed for the report, against computations by hand and by seqeval."""

import csv
import io
import json

import numpy as np
import pytest
from seqeval.metrics import classification_report

from ulmfit_tfx.components.evaluation_report.content import Served, build_content
from ulmfit_tfx.components.reports.scores_file import EvaluationScores
from ulmfit_tfx.components.row_places import RowPlace
from ulmfit_tfx.evaluation import charts
from ulmfit_tfx.evaluation.blocks import Chart
from ulmfit_tfx.evaluation.class_tables import confusions
from ulmfit_tfx.schemas.config.evaluation import EvaluationConfig


@pytest.fixture(autouse=True)
def _nothing_is_drawn(monkeypatch):
    monkeypatch.setattr(charts, "_chart", lambda key, title, *_: Chart(title, "<svg></svg>", key, 1))


def records(content):
    return list(csv.DictReader(io.StringIO(content.errors_tsv), dialect="excel-tab"))


def table_of(content, caption):
    (table,) = [table for section in content.sections for table in section.tables if table.caption == caption]
    return [[cell.text for cell in row] for row in table.rows]


def demands_of(content):
    return [(demand.score, demand.text, demand.is_met) for demand in content.demands]


def test_scores_of_classes_are_those_computed_by_hand(case_of):
    content = case_of("classification").content()
    # a: expected 2, predicted 2, right 1. b: expected 3, predicted 3, right 2.
    assert table_of(content, "Scores of each class") == [
        ["a", "0.500", "0.500", "0.500", "2"],
        ["b", "0.667", "0.667", "0.667", "3"],
    ]
    assert content.scores.scores["accuracy"].value == pytest.approx(3 / 5)


def test_scores_of_labels_are_those_computed_by_hand(case_of):
    # a: expected 2, given 2, right 2. b: expected 2, given 3, right 2. c: expected 1, given 0.
    assert table_of(case_of("multi-label").content(), "Scores of each label") == [
        ["a", "1.000", "1.000", "1.000", "2"],
        ["b", "0.667", "1.000", "0.800", "2"],
        ["c", "0.000", "0.000", "0.000", "1"],
    ]


def test_scores_of_targets_are_those_computed_by_hand(case_of):
    joy, calm = table_of(case_of("regression").content(), "Scores of each target")
    # Errors of joy: +0.5, 0, -1, +0.5; of calm: 0, 0, 10, 300.
    assert joy[:3] == ["joy", "0.500", "0.612"]
    assert joy[5:] == ["±0.000", "1.000 … 4.000"]
    assert calm[:3] == ["calm", "77.500", "150.1"]
    assert calm[5] == "+77.500"


def test_scores_of_entities_are_seqevals(case_of):
    case = case_of("bio")
    expected = [list(row.tags) for row in case.rows]
    predicted = [[word.tag for word in prediction.words] for prediction in case.predictions]
    report = classification_report(expected, predicted, output_dict=True, zero_division=0)
    for name, *shares, support in table_of(case.content(), "Scores of each kind of entity"):
        found = report[name]
        assert shares == [f"{found[measure]:.3f}" for measure in ("precision", "recall", "f1-score")]
        assert int(support) == found["support"]


def test_scores_of_several_tags_a_word_do_not_depend_on_their_order(case_of):
    assert table_of(case_of("multi-label tagging").content(), "Scores of each tag") == [
        ["N", "1.000", "1.000", "1.000", "2"],
        ["V", "1.000", "1.000", "1.000", "1"],
        ["Plur", "0.500", "1.000", "0.667", "1"],
    ]


def test_confusions_are_counted_by_expected_and_predicted(case_of):
    table = table_of(case_of("plain").content(), "Most frequent confusions")
    assert sorted(table) == [
        ["NOUN", "VERB", "1", "0.500"],
        ["PRON", "NOUN", "1", "1.000"],
        ["VERB", "NOUN", "1", "1.000"],
    ]


def test_shades_are_shares_of_all_rows_of_a_class_also_of_those_not_drawn(monkeypatch):
    drawn = {}
    monkeypatch.setattr(
        charts, "heat_map", lambda counts, shares, names, *_: drawn.update(counts=counts, shares=shares)
    )
    # Class 0 is taken 2 times for each of 25 others, of which 19 are drawn, and is right 50 times.
    others = [f"{index:02}" for index in range(1, 26)]
    names = ["00", *others]
    confusions(names, ["00"] * 100 + others, others * 2 + ["00"] * 50 + others, "rows")
    assert drawn["counts"][0, 0] == 50
    assert drawn["shares"][0, 0] == pytest.approx(0.5)


def test_intervals_are_those_of_a_slow_bootstrap(case_of):
    content = case_of("classification").content(intervals=200)
    right = np.array([True, False, True, True, False])
    generator = np.random.default_rng(7)
    sampled = [right[generator.integers(5, size=5)].mean() for _ in range(200)]
    interval = content.scores.scores["accuracy"]
    assert (interval.low, interval.high) == pytest.approx(np.percentile(sampled, [2.5, 97.5]))


def test_differences_are_paired(single_label):
    # The new model is right in rows 1 to 4, the one in service in rows 2 to 4.
    new = single_label(*[(str(n), "a", 0.9 if n else 0.1) for n in range(5)])
    old = single_label(*[(str(n), "a", 0.9 if n > 1 else 0.1) for n in range(5)])
    content = new.content(served=Served(old.info, old.predictions), intervals=300)
    generator = np.random.default_rng(7)
    sampled = [(generator.integers(5, size=5) == 1).mean() for _ in range(300)]
    difference = content.scores.baseline.differences["accuracy"]
    assert difference.value == pytest.approx(1 / 5)
    assert (difference.low, difference.high) == pytest.approx(np.percentile(sampled, [2.5, 97.5]))
    assert (content.scores.baseline.mended, content.scores.baseline.broken) == (1, 0)


def test_a_model_does_not_differ_from_itself(any_case):
    comparison = any_case.content(served=Served(any_case.info, any_case.predictions)).scores.baseline
    assert comparison.differences
    for difference in comparison.differences.values():
        assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_the_comparison_leaves_the_scores_as_they_are(any_case):
    alone = any_case.content()
    compared = any_case.content(served=Served(any_case.info, any_case.predictions))
    assert compared.scores.scores == alone.scores.scores


@pytest.mark.parametrize(("threshold", "is_met"), [(0.6, True), (0.61, False)])
def test_a_threshold_is_the_lowest_value_allowed(case_of, threshold, is_met):
    content = case_of("classification").content(thresholds={"accuracy": threshold})
    assert demands_of(content) == [("accuracy", f"at least {threshold}", is_met)]


@pytest.mark.parametrize(("threshold", "is_met"), [(39, True), (38.9, False)])
def test_a_threshold_of_an_error_is_the_highest_value_allowed(case_of, threshold, is_met):
    content = case_of("regression").content(thresholds={"mae": threshold})  # the mean of 0.5 and 77.5 is 39
    assert demands_of(content) == [("mae", f"at most {threshold:g}", is_met)]


@pytest.mark.parametrize(("allowed", "is_met"), [(0.2, True), (0.1, False)])
def test_an_allowed_drop_bounds_the_loss_against_the_model_in_service(single_label, allowed, is_met):
    new = single_label(*[(str(n), "a", 0.9 if n > 1 else 0.1) for n in range(5)])
    old = single_label(*[(str(n), "a", 0.9 if n else 0.1) for n in range(5)])
    content = new.content(served=Served(old.info, old.predictions), allowed_drop={"accuracy": allowed})
    assert demands_of(content) == [("accuracy", f"at most {allowed} worse than in service", is_met)]


def test_an_allowed_drop_counts_only_beside_a_model_in_service(case_of):
    assert not case_of("classification").content(allowed_drop={"accuracy": 0.0}).demands


def test_a_threshold_on_a_score_that_is_not_defined_is_missed(single_label):
    content = single_label(("one", "a", 0.9), ("two", "a", 0.8)).content(thresholds={"auc": 0.5})
    assert "auc" not in content.scores.scores
    assert demands_of(content) == [("auc", "at least 0.5", False)]


def test_slices_are_by_length_label_and_column(case_of):
    content = case_of("classification").content(buckets=["short", "long", "short", "short", "long"])
    accuracy = {
        name: {value: (found.rows, found.scores["accuracy"]) for value, found in slices.items()}
        for name, slices in content.scores.by_slice.items()
    }
    assert accuracy == {
        "length": {"long": (2, 0), "short": (3, 1)},
        "label": {"a": (2, 1 / 2), "b": (3, pytest.approx(2 / 3))},
        "language": {"en": (2, 1 / 2), "pl": (2, 1 / 2)},
    }
    assert table_of(content, "By length")[0][:3] == ["all rows", "5", "0.600"]


def test_a_slice_of_one_label_has_no_scores_over_labels(case_of):
    slices = case_of("classification").content().scores.by_slice["label"]
    assert {name for found in slices.values() for name in found.scores} == {"accuracy"}


def test_errors_of_classes_begin_with_the_least_probable_expected_label(case_of):
    found = records(case_of("classification").content())
    assert [(record["text"], record["expected"], record["predicted"]) for record in found] == [
        ("five", "b", "a"),
        ("two", "a", "b"),
    ]
    assert [float(record["expected_probability"]) for record in found] == pytest.approx([0.05, 0.2])
    assert [float(record["predicted_probability"]) for record in found] == pytest.approx([0.95, 0.8])
    assert {record["split"] for record in found} == {"eval"}


def test_errors_of_several_labels_say_what_is_missed_and_spurious(case_of):
    found = records(case_of("multi-label").content())
    # Cross-entropies: -ln(0.8 * 0.9 * 0.01) = 4.9 of three, -ln(0.9 * 0.3 * 0.8) = 1.5 of two.
    assert [record["text"] for record in found] == ["three", "two"]
    assert [json.loads(record["missed"]) for record in found] == [{"c": 0.01}, {}]
    assert [json.loads(record["spurious"]) for record in found] == [{}, {"b": 0.7}]
    assert [record["expected"] for record in found] == ["c;a", ""]


def test_errors_of_numbers_begin_with_the_largest_in_deviations(case_of):
    found = records(case_of("regression").content())
    # Deviations are 1.118 and 82.9: four is off by 3.62 of them, three by 0.89, one by 0.45; two is right.
    assert [record["text"] for record in found] == ["four", "three", "one"]
    assert [float(record["error calm"]) for record in found] == [300, 10, 0]
    assert [float(record["expected joy"]) for record in found] == [4, 3, 1]


def test_errors_of_entities_say_what_is_missed_and_spurious(case_of):
    found = records(case_of("bio").content())
    assert [record["text"] for record in found] == ["Ann Lee saw Rome", "Bob left", "no name"]
    assert json.loads(found[0]["differing"]) == [["Lee", "I-PER", "O"]]
    assert json.loads(found[0]["missed"]) == [["Ann Lee", "PER"]]
    assert json.loads(found[0]["spurious"]) == [["Ann", "PER"]]
    assert json.loads(found[1]["missed"]) == [["Bob", "PER"]]


def test_errors_of_plain_tags_begin_with_the_most_differing_words(case_of):
    found = records(case_of("plain").content())
    assert [record["text"] for record in found] == ["they run", "the run"]
    assert json.loads(found[0]["differing"]) == [["they", "PRON", "NOUN"], ["run", "VERB", "NOUN"]]
    assert [record["missed"] for record in found] == ["[]", "[]"]


def test_several_tags_in_another_order_are_no_error(case_of):
    found = records(case_of("multi-label tagging").content())
    assert [json.loads(record["differing"]) for record in found] == [[["run", "V", "V+Plur"]]]


def test_entities_are_marked_in_expected_and_predicted(case_of):
    expected, predicted = case_of("bio").content().errors[0].marked
    assert [(part.text, part.label, part.is_wrong) for part in expected.parts] == [
        ("Ann Lee", "PER", True),
        ("saw", "", False),
        ("Rome", "LOC", False),
    ]
    assert [(part.text, part.label, part.is_wrong) for part in predicted.parts] == [
        ("Ann", "PER", True),
        ("Lee saw", "", False),
        ("Rome", "LOC", False),
    ]


def test_the_page_shows_some_errors_and_the_table_has_all(single_label):
    content = single_label(*[(str(n), "a", n / 100) for n in range(40)]).content(errors_shown=3)
    assert [error.text for error in content.errors] == ["0", "1", "2"]
    assert (content.wrong_rows, len(records(content))) == (40, 40)


def test_scores_survive_json(any_case):
    scores = any_case.content(served=Served(any_case.info, any_case.predictions)).scores
    assert EvaluationScores.from_json(scores.to_json()) == scores
    alone = any_case.content().scores
    assert EvaluationScores.from_json(alone.to_json()) == alone
    assert alone.baseline is None


def test_errors_name_the_place_of_their_row_and_the_page_its_end(case_of):
    content = case_of("classification").content()  # wrong are the second and the fifth row
    expected = {"two": ("/data/1.csv", "3", "2"), "five": ("/data/0.csv", "6", "5")}
    found = {row["text"]: (row["file"], row["line"], row["row"]) for row in records(content)}
    assert found == expected
    assert {error.text: error.place for error in content.errors} == {"two": "data/1.csv:3", "five": "data/0.csv:6"}


def test_rows_and_places_that_do_not_belong_together_are_refused(case_of):
    case = case_of("classification")
    places = [RowPlace("a.csv", 2, 1)] * (len(case.rows) - 1)
    with pytest.raises(ValueError, match="5 rows, and 4 places"):
        build_content("x", case.info, case.rows, places, case.predictions, EvaluationConfig(), 7, [""] * 5, "no")
