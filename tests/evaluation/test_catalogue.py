"""One catalogue names scores and systems, wherever they are shown."""

import io
import json

import numpy as np
import pytest
from model_infos import model_info
from rich.console import Console
from rich.table import Table

from ulmfit_tfx.components.evaluation_report.content import build_content
from ulmfit_tfx.components.evaluation_report.html import to_html
from ulmfit_tfx.components.model_packager.card import model_card
from ulmfit_tfx.components.model_packager.sources import CardSources
from ulmfit_tfx.components.reports.held_out import HeldOutReport
from ulmfit_tfx.components.row_places import RowPlace
from ulmfit_tfx.evaluation.catalogue import MODEL, SCORES, SYSTEMS, in_order, lower_is_better
from ulmfit_tfx.evaluation.intervals import Interval
from ulmfit_tfx.pipeline.cli import run_summary
from ulmfit_tfx.schemas.config.evaluation import EvaluationConfig, ThresholdsConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.tasks import labelled_task
from ulmfit_tfx.tasks.classification.predictor import Prediction
from ulmfit_tfx.transforms.records.record import Row

ROWS = {"path": "rows.tsv", "format": "tsv"}
TAGGED = {"path": "rows.conll", "format": "conll"}
TASKS = {
    "one label": {"task": "classification", "data": ROWS},
    "several labels": {"task": "classification", "data": ROWS | {"label_separator": ","}},
    "numbers": {"task": "regression", "data": ROWS | {"target_columns": ["x"]}},
    "entities": {"task": "tagging", "data": TAGGED},
    "plain tags": {"task": "tagging", "data": TAGGED, "tagging": {"scheme": "plain"}},
    "several tags": {"task": "tagging", "data": TAGGED, "tagging": {"scheme": "plain", "tag_separator": "|"}},
}
PLACES = [RowPlace("a.csv", 2, 1), RowPlace("a.csv", 3, 2)]


def test_every_threshold_is_a_score_of_the_catalogue():
    assert set(SCORES) == set(ThresholdsConfig.model_fields)


def test_scores_that_measure_what_is_wrong():
    wrong = {"mae", "rmse", "calibration_error", "perplexity", "word_perplexity"}
    assert {name for name in SCORES if lower_is_better(name)} == wrong


@pytest.mark.parametrize("sections", TASKS.values(), ids=TASKS)
def test_what_a_task_is_scored_by_is_in_the_catalogue(sections):
    """The metrics that bless, and what the configuration says to be measured."""
    config = PipelineConfig(name="rows", **sections)
    [spec] = labelled_task(config.task).eval_config(config).metrics_specs
    metrics = {json.loads(metric.config)["name"] for metric in spec.metrics if metric.config}
    assert metrics == set(config.measures)
    assert in_order(metrics) == in_order(config.measures)


SCORED = {
    "one label": ("classification", ["a", "b"], {}, [Row("a", label="a"), Row("b", label="b")], np.eye(2)),
    "several labels": (
        "classification",
        ["a", "b"],
        {"label_separator": ","},
        [Row("a", labels=("a",)), Row("b", labels=("a", "b"))],
        np.eye(2),
    ),
    "numbers": (
        "regression",
        [],
        {"targets": ["x"]},
        [Row("a", targets=(1.0,)), Row("b", targets=(2.0,))],
        np.array([[1.0], [3.0]]),
    ),
    "entities": ("tagging", ["O", "B-X"], {"scheme": "bio"}, [Row("a", words=("a",), tags=("B-X",))], [["O"]]),
    "plain tags": ("tagging", ["O", "X"], {"scheme": "plain"}, [Row("a", words=("a",), tags=("X",))], [["O"]]),
    "several tags": (
        "tagging",
        ["O", "X"],
        {"scheme": "plain", "tag_separator": "|"},
        [Row("a", words=("a",), tags=("X",))],
        [["O"]],
    ),
}


@pytest.mark.parametrize("name", SCORED)
def test_what_rows_are_scored_by_is_what_the_configuration_says_to_be_measured(name):
    task, labels, details, rows, answers = SCORED[name]
    contest = labelled_task(task).contest(model_info(task, labels, details))
    config = PipelineConfig(name="rows", **TASKS[name])
    assert set(contest.scored(rows, answers).scores()) == set(config.measures)
    assert contest.leading == config.measures[0]


@pytest.mark.parametrize("name", SCORED)
def test_baselines_of_a_task_are_in_the_catalogue(name):
    task, labels, details, rows, _ = SCORED[name]
    contest = labelled_task(task).contest(model_info(task, labels, details))
    assert set(contest.of_baselines(rows * 2, rows, 0)) <= set(SYSTEMS) - {MODEL}


def test_the_line_beside_baselines_is_on_the_terminal_in_the_report_and_in_the_card(tmp_path):
    config = PipelineConfig(name="moods", **TASKS["one label"])
    info = model_info("classification", ["a", "b"])
    scores = {name: {"accuracy": Interval(value, 0.4, 0.6)} for name, value in (("model", 0.5), ("majority", 0.52))}
    differences = {"majority": {"accuracy": Interval(-0.02, -0.05, 0.01)}}
    held_out = HeldOutReport("classification", 9, scores, differences, "accuracy")
    line = "accuracy behind majority class by 0.0200 (-0.010..0.050): not significant"
    (tmp_path / "held_out.json").write_text(held_out.to_json())
    table = Table()
    run_summary.add_standing(table, tmp_path)
    console = Console(file=io.StringIO(), width=200)
    console.print(table)
    assert line in console.file.getvalue()
    rows = [Row("one", label="a"), Row("two", label="b")]
    predictions = [Prediction(row.text, "a", {"a": 0.8, "b": 0.2}, ("a",)) for row in rows]
    settings = EvaluationConfig(intervals=5)
    buckets = ["", ""]
    content = build_content("moods", info, rows, PLACES, predictions, settings, 0, buckets, "no", held_out=held_out)
    assert line in to_html(content)
    card = model_card(CardSources(config.model_dump(mode="json"), info, 1, {"TensorFlow": "2.16.2"}, held_out=held_out))
    assert f"On the test split: {line}." in card


def _terminal(config, held_out, tmp_path):
    (tmp_path / "held_out.json").write_text(held_out.to_json())
    table = Table()
    run_summary.add_held_out(table, config, tmp_path)
    console = Console(file=io.StringIO(), width=200)
    console.print(table)
    return console.file.getvalue()


def test_scores_and_systems_have_one_title_on_the_terminal_in_the_report_and_in_the_card(tmp_path):
    config = PipelineConfig(name="moods", **TASKS["one label"])
    info = model_info("classification", ["a", "b"])
    scores = {name: Interval(0.5, 0.4, 0.6) for name in config.measures}
    held_out = HeldOutReport("classification", 9, dict.fromkeys(SYSTEMS, scores))
    rows = [Row("one", label="a"), Row("two", label="b")]
    predictions = [Prediction(row.text, "a", {"a": 0.8, "b": 0.2}, ("a",)) for row in rows]
    settings = EvaluationConfig(intervals=5)
    buckets = ["", ""]
    content = build_content("moods", info, rows, PLACES, predictions, settings, 0, buckets, "no", held_out=held_out)
    versions = {"TensorFlow": "2.16.2"}
    card = model_card(CardSources(config.model_dump(mode="json"), info, 1, versions, held_out=held_out))
    shown = (_terminal(config, held_out, tmp_path), to_html(content), card)
    for name, system in SYSTEMS.items():
        places = shown if name != MODEL else shown[1:]  # on the terminal its scores stand below "test"
        assert all(system.title in place for place in places), system.title
    for name in config.measures:
        title = SCORES[name].title
        assert title in shown[0]
        assert SCORES[name].heading in shown[1]
        assert title in shown[2]
        assert SCORES[name].heading.lower() == title.lower()
