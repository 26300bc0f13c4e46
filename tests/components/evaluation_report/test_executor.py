"""The component's files, from artifacts as other stages leave them. Models are stood in for."""

import csv
import html
import json

import pytest
import tensorflow as tf
from model_infos import model_info
from tfx.types import channel_utils, standard_artifacts

from ulmfit_tfx.components.evaluation_report import executor
from ulmfit_tfx.components.evaluation_report.component import EvaluationReport
from ulmfit_tfx.components.record_files import PartsWriter, prepare, publish
from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.components.reports.scores_file import EvaluationScores
from ulmfit_tfx.components.row_encoding import serialized_examples
from ulmfit_tfx.components.row_places import RowPlace, places_folder, serialized_places, write_shards
from ulmfit_tfx.schemas.config.evaluation import EvaluationConfig
from ulmfit_tfx.tasks.classification.predictor import Prediction
from ulmfit_tfx.tasks.classification.task import TASK
from ulmfit_tfx.transforms.records.record import Row

ROWS = {
    "eval": [("good film", "good"), ("bad film", "bad"), ("not so bad", "good")],
    "test": [("a secret of the test split", "good")],
}
FILE = "s3://films/part\t1/reviews.csv"
INFO = model_info("classification", ["good", "bad"])
OTHER = model_info("classification", ["good", "ugly"])


def write_places(examples):
    """Places of the rows, as CorpusIngest leaves them: the second shard is a range of the file, after four records."""
    folder = places_folder(examples.uri)
    prepare(folder)
    parts = []
    for split, rows in ROWS.items():
        for shard, lines in enumerate([range(2, len(rows) + 1), [9]]):
            writer = PartsWriter(folder, split, shard)
            writer.write(serialized_places([RowPlace(FILE, line, line - 1 - 4 * shard) for line in lines], shard))
            parts += writer.close()
    publish(parts, folder, list(ROWS))
    write_shards(examples.uri, {0: {FILE: 4}, 1: {FILE: 9}})


class WordSpotter:
    """Finds texts bad that have a word in them."""

    info = INFO

    def __init__(self, word):
        self.word = word

    def answer_rows(self, rows):
        answers = []
        for row in rows:
            bad = 0.9 if self.word in row.text else 0.2
            label = "bad" if bad > 0.5 else "good"
            answers.append(Prediction(row.text, label, {"good": 1 - bad, "bad": bad}, (label,)))
        return answers


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the executor; returns the folder of the report."""
    predictors = {"model": WordSpotter("bad"), "served": WordSpotter("film")}
    infos = {"model": INFO, "served": INFO, "other": OTHER}
    monkeypatch.setattr(executor, "load_predictor", lambda path: predictors[path.split("/")[-2]])
    monkeypatch.setattr(executor, "read_model_info", lambda path: infos[path.split("/")[-2]])

    def artifact(kind, name):
        made = kind()
        made.uri = str(tmp_path / name)
        (tmp_path / name).mkdir(exist_ok=True)
        return made

    def model(name):
        made = artifact(standard_artifacts.Model, name)
        if name != "empty":
            (tmp_path / name / "Format-Serving").mkdir()
            (tmp_path / name / "Format-Serving" / "saved_model.pb").write_text("")
        return [made]

    def execute(baseline=None, history=None, accounting=None):
        examples = artifact(standard_artifacts.Examples, "examples")
        if accounting:
            examples.set_string_custom_property("accounting", accounting.to_json())
        examples.split_names = '["eval", "test"]'
        for split, rows in ROWS.items():
            folder = tmp_path / "examples" / f"Split-{split}"
            folder.mkdir()
            with tf.io.TFRecordWriter(str(folder / "data_tfrecord-00000-of-00001.gz"), "GZIP") as writer:
                for text, label in rows:
                    bucket = f"{len(text.split())} words"
                    writer.write(*serialized_examples([Row(text, label=label)], [bucket]))
        write_places(examples)
        model_run = artifact(standard_artifacts.ModelRun, "run")
        if history:
            (tmp_path / "run" / "history.json").write_text(json.dumps(history))
        inputs = {"examples": [examples], "model": model("model"), "model_run": [model_run]}
        if baseline:
            inputs["baseline_model"] = model(baseline)
        evaluation = EvaluationConfig(intervals=20).model_dump(mode="json")
        properties = {"config": json.dumps({"name": "films", "evaluation": evaluation}), "seed": 1}
        report = artifact(standard_artifacts.ModelEvaluation, "report")
        executor.Executor().Do(inputs, {"report": [report]}, properties)
        return tmp_path / "report"

    return execute


def test_page_errors_and_scores_are_of_the_eval_split(run):
    folder = run()
    scores = EvaluationScores.from_json((folder / "scores.json").read_text())
    assert (scores.task, scores.rows) == ("classification", 3)
    assert scores.scores["accuracy"].value == pytest.approx(2 / 3)
    assert {bucket: found.rows for bucket, found in scores.by_slice["length"].items()} == {"2 words": 2, "3 words": 1}
    with (folder / "errors.tsv").open(newline="") as file:
        [error] = csv.DictReader(file, dialect="excel-tab")
    assert (error["text"], error["split"]) == ("not so bad", "eval")
    assert (error["file"], error["line"], error["row"]) == (FILE.replace("\t", "\\t"), "9", "8")
    for file in folder.iterdir():
        assert "secret" not in file.read_text(encoding="utf-8")


def test_the_model_in_service_is_compared_with(run):
    baseline = EvaluationScores.from_json((run("served") / "scores.json").read_text()).baseline
    assert baseline.scores["accuracy"].value == pytest.approx(2 / 3)  # it takes the good film for a bad one
    assert (baseline.mended, baseline.broken) == (1, 1)


@pytest.mark.parametrize(
    ("baseline", "reason"),
    [(None, "there is none."), ("empty", "there is none."), ("other", TASK.why_not_comparable(OTHER, INFO))],
)
def test_without_a_comparable_model_in_service_the_page_says_why(run, baseline, reason):
    folder = run(baseline)
    assert EvaluationScores.from_json((folder / "scores.json").read_text()).baseline is None
    page = html.unescape((folder / "report.html").read_text(encoding="utf-8"))
    assert f"Not compared with a model in service: {reason}" in page


def test_page_and_scores_say_once_that_few_sentences_are_cut_as_served(run):
    accounting = Accounting({"train": 10}, {}, {}, {}, recut={"punctuation": 3}, served_cut="punctuation")
    folder = run(accounting=accounting)
    [warning] = EvaluationScores.from_json((folder / "scores.json").read_text()).warnings
    assert f"{warning}." == accounting.recut_warning()
    page = html.unescape((folder / "report.html").read_text(encoding="utf-8"))
    assert page.count("Only 3 of 10 sentences") == 1
    assert f"{accounting.recut_warning()}</p>" in page


def test_the_history_of_the_training_is_drawn(run):
    history = {"best_epoch": 1, "epochs": [{"loss": 0.5, "eval_loss": 0.625}]}
    assert "Best epoch 1 of 1, eval loss 0.625." in (run(history=history) / "report.html").read_text(encoding="utf-8")


def test_the_component_takes_what_is_there():
    def channel(kind):
        return channel_utils.as_channel([kind()])

    inputs = {
        "examples": channel(standard_artifacts.Examples),
        "model": channel(standard_artifacts.Model),
        "model_run": channel(standard_artifacts.ModelRun),
    }
    evaluation = EvaluationConfig(errors_shown=5)
    component = EvaluationReport(**inputs, name="films", seed=3, evaluation=evaluation)
    assert set(component.inputs) == set(inputs)
    config = json.loads(component.exec_properties["config"])
    assert (config["name"], EvaluationConfig.model_validate(config["evaluation"])) == ("films", evaluation)
    held_out = channel(standard_artifacts.ModelEvaluation)
    assert "held_out" in EvaluationReport(**inputs, name="a", seed=3, evaluation=evaluation, held_out=held_out).inputs
