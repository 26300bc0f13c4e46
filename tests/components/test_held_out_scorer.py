import json

import pytest
import tensorflow as tf
from task_model_writer import write_classifier, write_regressor, write_tagger
from tfx.types import standard_artifacts

from ulmfit_tfx.components.held_out_scorer.executor import Executor
from ulmfit_tfx.components.reports.held_out import HeldOutReport
from ulmfit_tfx.components.row_encoding import serialized_examples
from ulmfit_tfx.evaluation.intervals import Interval
from ulmfit_tfx.transforms.records.record import Row


def test_report_survives_json():
    score = {"accuracy": Interval(0.5, 0.1, 0.9)}
    differences = {"most_frequent_tag": {"accuracy": Interval(0.1, -0.1, 0.2)}}
    report = HeldOutReport("tagging", 3, {"model": score, "most_frequent_tag": score}, differences, "accuracy")
    assert HeldOutReport.from_json(report.to_json()) == report
    assert report.standing().lead == report.standing("accuracy").lead == Interval(0.1, -0.1, 0.2)


def test_report_of_a_version_that_did_not_compare_is_read():
    score = {"accuracy": {"value": 0.5, "low": 0.1, "high": 0.9}}
    old = {"task": "tagging", "rows": 3, "systems": {"model": score, "most_frequent_tag": score}}
    report = HeldOutReport.from_json(json.dumps(old))
    assert report.systems["model"] == {"accuracy": Interval(0.5, 0.1, 0.9)}
    assert report.standing() is report.standing("accuracy") is None


def _artifact(kind, uri):
    artifact = kind()
    artifact.uri = str(uri)
    return [artifact]


@pytest.fixture
def scored(tmp_path):
    """Runs the executor on rows of the two splits with models that a writer writes; returns its report."""

    def run(train, test, write, from_scratch=None, taught=()):
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
        if taught:
            folder = tmp_path / "transfer" / "Split-train"
            folder.mkdir(parents=True)
            inputs["transfer"] = _artifact(standard_artifacts.Examples, folder.parent)
            inputs["transfer"][0].split_names = '["train"]'
            with tf.io.TFRecordWriter(f"{folder}/data_tfrecord.gz", "GZIP") as file:
                for row in taught:
                    file.write(*serialized_examples([row], [""]))
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


def test_classifier_with_a_teacher_is_scored_beside_a_linear_model_that_has_it_too(scored):
    wrong = [
        Row(text, label="", teacher_probabilities=(1.0, 0.0, 0.0), is_transfer=True) for text in ("good", "good good")
    ]
    report = scored(TRAIN_TEXTS, TEST_TEXTS, write_classifier, taught=TRAIN_TEXTS + wrong * 20)
    assert set(report.systems) == {"model", "majority", "tfidf", "taught_tfidf"}
    assert _values(report, "accuracy")["taught_tfidf"] < _values(report, "accuracy")["tfidf"]


def test_model_is_compared_with_each_baseline_on_the_same_samples(scored):
    report = scored(TRAIN_TEXTS, TEST_TEXTS, write_classifier)
    assert {name: of["accuracy"].value for name, of in report.differences.items()} == {"majority": 0.25, "tfidf": -0.25}
    found = report.differences["tfidf"]["accuracy"]
    assert found.low < 0
    assert found.high == 0  # never better: the one row that they differ in is the baseline's
    assert report.standing().sentence().startswith("accuracy behind TF-IDF + linear by 0.2500 (")


def test_model_without_pretraining_is_scored_on_the_same_rows(scored):
    report = scored(TRAIN_TEXTS, TEST_TEXTS, write_classifier, from_scratch=write_classifier)
    assert report.systems["from_scratch"] == report.systems["model"]
    assert set(report.differences["from_scratch"].values()) == {Interval(0.0, 0.0, 0.0)}


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


def test_regressor_of_pairs_is_scored_beside_the_cosine_of_their_texts(scored):
    def write(folder):
        write_regressor(folder)
        info = folder / "assets.extra" / "ulmfit_tfx.json"
        content = json.loads(info.read_text())
        content["tokenizer"]["separator"] = "[SEP]"
        info.write_text(json.dumps(content))

    like, unlike = (5.0, 1.0, 1.0), (0.0, 1.0, 1.0)
    train = [Row("a tree [SEP] a tree", targets=like), Row("a tree [SEP] no sun", targets=unlike)] * 4
    test = [Row("a sun [SEP] a sun", targets=like), Row("no tree [SEP] sun", targets=unlike)]
    report = scored(train, test, write)
    assert set(report.systems) == {"model", "mean", "cosine", "tfidf"}
    assert report.systems["cosine"]["mae"].value < report.systems["mean"]["mae"].value


def _sentence(*pairs):
    return Row(" ".join(word for word, _ in pairs), words=tuple(w for w, _ in pairs), tags=tuple(t for _, t in pairs))


def test_tagger_is_scored_on_the_words_of_the_rows_beside_simple_models(scored):
    train = [_sentence(("Ann", "B-PER"), ("saw", "O"), ("5", "O"))]
    test = [_sentence(("Ann", "B-PER"), ("saw", "O"), ("Bob", "B-PER")), _sentence(("The", "O"), ("7", "B-NUM"))]
    report = scored(train, test, write_tagger)
    assert set(report.systems) == {"model", "most_frequent_tag", "perceptron"}
    accuracy, entity_f1 = (_values(report, score) for score in ("accuracy", "entity_f1"))
    assert (accuracy["model"], accuracy["most_frequent_tag"]) == (0.8, 0.6)
    # Entities: the model finds four, three of the three that are there; the most frequent tags one.
    assert (entity_f1["model"], entity_f1["most_frequent_tag"]) == pytest.approx((6 / 7, 0.5))
    assert report.leading == "entity_f1"
