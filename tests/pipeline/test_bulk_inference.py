"""Bulk inferences, run through the command as a user would."""

import csv
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import tensorflow as tf
import yaml
from model_infos import write_info
from task_model_writer import write_classifier, write_regressor, write_tagger
from tensorflow_serving.apis import prediction_log_pb2
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.tasks import load_predictor
from ulmfit_tfx.tasks.classification.predictor import Classifier
from ulmfit_tfx.tasks.regression.predictor import Regressor, ScorePrediction
from ulmfit_tfx.tasks.tagging.predictor import Tagger
from ulmfit_tfx.trainer_modules.serving.length_batches import BATCH
from ulmfit_tfx.trainer_modules.serving.loaded_model import Predictor

pytestmark = pytest.mark.pipeline

TEXTS = ["Zoë met 12 good people", "bad film", "nothing", 'an "open quote', "plain good plain bad", *["word"] * 100]
STAGES = ["CorpusIngest", "ModelImporter", "BulkInferrer", "PredictionWriter"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with texts, one of its rows malformed, and a configuration that names no model."""
    folder = tmp_path_factory.mktemp("bulk")
    rows = ["text\tstars", *(f"{text}\t5" for text in TEXTS), "no stars"]
    (folder / "texts.tsv").write_text("\n".join(rows))
    return folder


def run(project: Path, model: Path, **fields):
    """Exit code and what is shown."""
    config = {"name": "bulk", "model": str(model), "data": {"path": "texts.tsv", "format": "tsv"}} | fields
    (project / "bulk.yaml").write_text(yaml.safe_dump(config))
    arguments = ["bulk-infer", str(project / "bulk.yaml"), "--root", str(project / "root")]
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout


def cached_stages(shown: str) -> list[str]:
    return re.findall(r"\] (\w+): [^\n]*\n +from cache", shown)


def written(folder: Path, kind: type[Predictor]):
    """Answers of the rows that are not refused."""
    rows = map(json.loads, (folder / "predictions.jsonl").read_text().splitlines())
    added = ("stars", "line", "error")
    return [kind.from_json({k: v for k, v in row.items() if k not in added}) for row in rows if row["error"] is None]


def one_by_one(predictions):
    """Without what a regressor that is no trained one says of the batch."""
    return [
        ScorePrediction(answer.text, {"characters": answer.scores["characters"]})
        if isinstance(answer, ScorePrediction)
        else answer
        for answer in predictions
    ]


@pytest.mark.parametrize(
    "write",
    [write_classifier, lambda folder: write_classifier(folder, label_separator="|"), write_regressor, write_tagger],
    ids=["classifier", "several labels", "regressor", "tagger"],
)
def test_predictions_are_those_of_the_model_asked_directly(project, tmp_path, write):
    model = write(tmp_path / "1")
    code, shown = run(project, tmp_path, output=str(tmp_path / "out"))
    assert code == 0, shown
    predictions = written(tmp_path / "out", type(load_predictor(model)))
    assert one_by_one(predictions) == one_by_one(load_predictor(model).answer(TEXTS))
    logs = tf.data.TFRecordDataset(tf.io.gfile.glob(f"{_shown_path('PredictionLogs', shown)}/*.gz"), "GZIP")
    asked = {
        prediction_log_pb2.PredictionLog.FromString(log).WhichOneof("log_type") for log in logs.as_numpy_iterator()
    }
    assert (asked, len(list(logs))) == ({"predict_log"}, len(TEXTS))
    if isinstance(predictions[0], ScorePrediction):
        assert max(answer.scores["rows"] for answer in predictions) == BATCH


def _shown_path(name: str, shown: str) -> str:
    """A path of the summary, which is folded to the width of the screen."""
    found = re.search(rf"^ +{name} +((?:\S+ *\n +)*\S+) *\n +[\w ]+ {{2}}", shown, re.MULTILINE)
    assert found, shown
    return re.sub(r"\s", "", found[1])


def test_summary_says_what_came_in_and_shows_the_first_predictions(project, tmp_path):
    code, shown = run(project, write_tagger(tmp_path / "1"))
    assert code == 0, shown
    assert [name for name in STAGES if f"] {name}: " in shown] == STAGES
    assert re.search(rf"rows in +{len(TEXTS) + 1} *\n", shown)
    assert "1 (wrong number of columns: 1), in" in shown
    assert re.search(rf"predictions +{len(TEXTS)} *\n", shown)
    first = [prediction.text for prediction in written(project / "root" / "predictions", Tagger)[:5]]
    assert [re.sub(r"\[\w+ (\w+)\]", r"\1", line) for line in shown.splitlines()[-7:-2]] == first
    for noise in ("WARNING", "Warning", "absl", "Traceback"):
        assert noise not in shown


def test_model_is_asked_again_where_its_files_have_changed_and_else_not(project, tmp_path):
    write_classifier(tmp_path / "1")
    assert run(project, tmp_path / "1")[0] == 0
    (project / "root" / "predictions" / "predictions.jsonl").unlink()
    assert cached_stages(run(project, tmp_path / "1")[1]) == STAGES
    assert len(written(project / "root" / "predictions", Classifier)) == len(TEXTS)
    write_regressor(tmp_path / "1")
    assert cached_stages(run(project, tmp_path / "1")[1]) == ["CorpusIngest"]
    assert isinstance(written(project / "root" / "predictions", Regressor)[0], ScorePrediction)


def test_language_model_is_refused(project, tmp_path):
    (tmp_path / "saved_model.pb").touch()
    write_info(tmp_path, "language_model")
    code, shown = run(project, tmp_path)
    assert code == 2
    assert "is a language model" in shown


def test_missing_model_is_named_before_tensorflow_starts(project, tmp_path):
    code, shown = run(project, tmp_path / "none")
    assert code == 2
    assert "Starting" not in shown


def test_rows_keep_ids_columns_and_order_and_say_why_they_are_refused(tmp_path):
    write_classifier(tmp_path / "1")
    lines = {
        "a.csv": ["id,text,label,line", '7,"good\nor bad, good",x,l', "8,,y,l", "9,bad,z", "10, plain,z,l"],
        "b.csv": ["text,more,id", "bad,,11", "good,m,12"],
    }
    for name, rows in lines.items():
        (tmp_path / name).write_text("\n".join(rows))
    data = {"path": str(tmp_path / "*.csv"), "format": "csv", "id_column": "id", "max_bad_fraction": 0.2}
    code, shown = run(tmp_path, tmp_path / "1", data=data, output="out/rows.parquet")
    assert code == 0, shown
    found = pq.read_table(tmp_path / "out" / "rows.parquet").to_pylist()
    assert list(found[0])[:7] == ["id", "file", "source_line", "text", "label", "line", "more"]
    assert [Path(row["file"]).name for row in found] == ["a.csv"] * 4 + ["b.csv"] * 2
    assert [(row["id"], row["source_line"], row["predicted_label"], row["error"]) for row in found] == [
        ("7", 2, "good", None),
        ("8", 4, None, "empty text: column 'text'"),
        (None, 5, None, "wrong number of columns: 3, expected 4"),
        ("10", 6, "plain", None),
        ("11", 2, "bad", None),
        ("12", 3, "good", None),
    ]
    assert [(row["text"], row["line"], row["more"]) for row in found[3:]] == [
        *(("plain", "l", None), ("bad", None, ""), ("good", None, "m"))
    ]


def test_small_files_share_examples_and_predictions_and_keep_rows_ids_and_order(tmp_path):
    write_regressor(tmp_path / "1")
    (tmp_path / "texts").mkdir()
    expected = []
    for number in range(40):
        lines = [json.dumps({"id": f"{number}-{row}", "text": "x" * row} | {"own": number}) for row in range(3)]
        name = f"{number * 7 % 40:02}.jsonl"
        (tmp_path / "texts" / name).write_text("\n".join(lines))
        expected += [(name, row + 1, f"{number}-{row}", row or None) for row in range(3)]
    data = {"path": str(tmp_path / "texts"), "format": "jsonl", "id_column": "id"}
    code, shown = run(tmp_path, tmp_path / "1", data=data, output="rows.jsonl")
    assert code == 0, shown
    found = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    asked = [row["scores"] and row["scores"]["characters"] for row in found]
    values = [
        (Path(row["file"]).name, row["line"], row["id"], characters)
        for row, characters in zip(found, asked, strict=True)
    ]
    assert values == sorted(expected)
    artifacts = tmp_path / "root" / "artifacts"
    assert len(list(artifacts.glob("CorpusIngest/examples/*/Split-train/*"))) == 1
    assert len(list(artifacts.glob("PredictionWriter/predictions/*/predictions-*"))) == 1


def test_blank_lines_have_their_rows_and_count_as_no_fault(tmp_path):
    write_regressor(tmp_path / "1")
    (tmp_path / "texts.txt").write_text("\n\none\n\nthree\n")
    code, shown = run(tmp_path, tmp_path / "1", data={"path": "texts.txt", "format": "text"}, output="rows.csv")
    assert code == 0, shown
    with (tmp_path / "rows.csv").open() as file:
        rows = [(row["line"], row["text"], row["characters"], row["error"]) for row in csv.DictReader(file)]
    blank = [(str(line), "", "", "blank line") for line in (1, 2, 4)]
    assert rows == [*blank[:2], ("3", "one", "3.0", ""), blank[2], ("5", "three", "5.0", "")]
