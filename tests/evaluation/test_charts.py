"""Charts: what is drawn, and how it fits into a page."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from ulmfit_tfx.evaluation import charts
from ulmfit_tfx.evaluation.class_tables import confusions
from ulmfit_tfx.evaluation.history import History
from ulmfit_tfx.evaluation.scores import calibration_sums


def elements(chart, tag):
    return list(ElementTree.fromstring(chart.svg).iter(tag))


def texts(chart):
    return [element.text for element in elements(chart, "text")]


def test_thousands_of_points_are_drawn_as_few_hexagons():
    rng = np.random.default_rng(0)
    few, many = (charts.agreement(rng.normal(size=rows), rng.normal(size=rows), "joy", "0") for rows in (2000, 20_000))
    assert few.svg.count("<use") >= 2000
    assert len(many.svg) < len(few.svg)
    assert "darker" in many.caption


@pytest.mark.parametrize("expected", [[2.0], [2.0, 2.0, 2.0], [1e9, -1e9]])
def test_numbers_of_any_range_are_drawn(expected):
    numbers = np.array(expected)
    assert elements(charts.agreement(numbers, numbers, "joy", "0"), "path")
    assert elements(charts.residuals(numbers - numbers, "joy", "0"), "path")


def test_a_reliability_diagram_has_the_calibration_error_of_its_predictions():
    probabilities = np.array([[0.95], [0.95], [0.55], [0.55]])
    right = np.array([[True], [True], [True], [False]])
    chart = charts.reliability_diagram(calibration_sums(probabilities, right).sum(axis=0), "rows", "share right")
    # Two bins of two: |1 - 0.95| and |0.5 - 0.55|, a mean of 0.05.
    assert "Expected calibration error 0.050." in chart.caption


def test_cells_show_counts_and_their_shades_are_shares():
    counts = np.array([[3, 1], [0, 4]])
    chart = charts.heat_map(counts, counts / 4, ["a", "b"], "", "rows")
    assert {"3", "1", "4"} <= set(texts(chart))
    shades = re.findall(r"fill: var\(--heat\)(?:; fill-opacity: ([\d.]+)|; opacity: ([\d.]+))?", chart.svg)
    assert [float(a or b or 1) for a, b in shades] == [0.75, 0.25, 1]  # none where the share is 0


def test_of_many_classes_the_most_confused_are_drawn():
    names = [f"class {index}" for index in range(30)]
    expected = names * 3
    swapped = {f"class {index}": f"class {index + 1}" for index in range(9, 29)}
    chart = confusions(names, expected, [swapped.get(name, name) for name in expected], "rows")
    assert "The 20 most confused of 30 classes" in chart.caption
    assert ">class 10<" in chart.svg
    assert ">class 28<" in chart.svg
    assert ">class 3<" not in chart.svg


def test_the_most_frequent_confusion_is_in_the_words():
    chart = charts.heat_map(np.array([[3, 1], [2, 4]]), np.ones((2, 2)), ["cat", "dog"], "", "rows")
    assert "Most often confused: dog taken for cat, 2 times." in chart.alternative


def test_colours_and_fonts_are_the_pages():
    chart = charts.heat_map(np.array([[3, 1], [0, 4]]), np.ones((2, 2)), ["a", "b"], "", "rows")
    assert "var(--ink)" in chart.svg
    assert not re.search(r"#[0-9a-f]{6}", chart.svg)
    assert "font-family" not in chart.svg
    assert not elements(chart, "style")


@pytest.mark.parametrize("name", ["$a_1$", "bell \x07", "a\nb", "<&>", "\u65e5\u672c", "x" * 500, 'id="x" #1f5f99'])
def test_names_of_any_kind_are_drawn_as_text(name, recwarn):
    chart = charts.heat_map(np.eye(2, dtype=int), np.eye(2), [name, "b"], "", "rows")
    assert texts(chart).count(charts.short(name)) == 2
    assert not recwarn.list


def test_a_training_of_one_epoch_is_drawn():
    history = History.from_json('{"best_epoch": 1, "epochs": [{"loss": 0.5, "eval_loss": 0.75}]}')
    chart = charts.learning_curve(history, "loss")
    assert chart.caption == "Best epoch 1 of 1, eval loss 0.750."
    assert "1" in texts(chart)


def test_quantities_are_those_of_both_splits_in_all_epochs():
    history = History.from_json(
        '{"best_epoch": 1, "epochs": ['
        '{"accuracy": 1, "eval_accuracy": 1, "loss": 1, "eval_loss": 1, "learning_rate": 1, "mae": 1, "eval_mae": 1},'
        '{"accuracy": 1, "eval_accuracy": 1, "loss": 1, "eval_loss": 1, "learning_rate": 1}]}'
    )
    assert history.quantities == ["loss", "accuracy"]
