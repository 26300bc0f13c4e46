"""Whole pipelines, run through the command as a user would."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sentencepiece
import tensorflow as tf
import tensorflow_data_validation as tfdv
import yaml
from random_language_model import RandomLanguageModel
from torch_writer import TorchWriter
from typer.testing import CliRunner

import ulmfit_tfx
from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.tasks import load_predictor, read_model_info
from ulmfit_tfx.trainer_modules.serving.loaded_model import find_model

pytestmark = pytest.mark.pipeline

STAGES = [
    "BaselineResolver",
    "CorpusIngest",
    "SchemaImporter",
    "StatisticsGen",
    "StrictExampleValidator",
    "SentencePieceTrainer",
    "TextTransform",
    "CorpusStatistics",
    "Trainer",
    "HeldOutScorer",
    "TaskEvaluator",
    "EvaluationReport",
    "ModelPackager",
    "InfraCheck",
    "Pusher",
]


def run(config: Path, *options: str):
    """Exit code and standard output of `ulmfit-tfx run`."""
    result = CliRunner().invoke(app, ["run", str(config), "--root", str(config.parent / "root"), *options])
    return result.exit_code, result.stdout


def cached_stages(shown: str) -> list[str]:
    """Stages that a run took from cache."""
    return re.findall(r"\] (\w+): [^\n]*\n +from cache", shown)


def unwrapped(shown: str) -> str:
    """Output without the breaks of lines that are longer than the terminal."""
    return " ".join(shown.split())


@pytest.fixture(scope="module")
def first_run(tmp_path_factory, reviews, tiny_project):
    """One blessed run with a malformed row; later tests rerun it with small changes."""
    config = tiny_project(tmp_path_factory.mktemp("first"), [*reviews, ("a row without a label",)])
    return config, *run(config)


def artifact(config: Path, pattern: str) -> Path:
    """Newest file of the run that fits a pattern below its artifacts."""
    found = list((config.parent / "root" / "artifacts").glob(pattern))
    assert found, pattern
    return max(found, key=lambda path: path.stat().st_mtime)


def test_run_is_blessed_and_says_what_matters(first_run):
    _, code, shown = first_run
    assert code == 0, shown
    assert [name for name in STAGES if f"] {name}: " in shown] == STAGES
    assert not cached_stages(shown)
    for expected in (
        "601 rows in = ",
        "1 (wrong number of columns: 1)",
        "200 pieces (spm-sp200)",
        "(threshold 0.8)",
        "not measured: no model is in service",
        "majority class",
        "TF-IDF + linear",
        "11-20 words",
    ):
        assert expected in shown
    systems = r"(majority class|TF-IDF \+ linear)"
    assert re.search(rf"test, beside baselines +accuracy (ahead of|behind|level with) {systems}", shown)
    assert shown.index("test, beside baselines") < shown.index("rows in  ")
    assert re.search(r"blessed +yes", shown)
    assert re.search(r"good +[01]\.\d+ +a brilliant film and a tender story\.", shown)


def test_pushed_model_predicts(first_run):
    config, _, _ = first_run
    model = find_model(config.parent / "root" / "serving" / "tiny")
    texts = ["a superb cast", "A TEDIOUS PLOT and a stale script!", "a wooden camera and a daily paper"]
    predictions = load_predictor(model).answer(texts)
    assert [prediction.label for prediction in predictions] == ["good", "bad", "plain"]
    assert all(sum(p.probabilities.values()) == pytest.approx(1, abs=1e-5) for p in predictions)


def test_pushed_model_brings_the_statistics_of_its_training_along(first_run):
    config, _, _ = first_run
    path = find_model(config.parent / "root" / "serving" / "tiny") / "assets.extra" / "training_statistics.pbtxt"
    [dataset] = tfdv.load_stats_text(str(path)).datasets
    [label] = [feature for feature in dataset.features if feature.path.step[0] == "label"]
    counts = {bucket.label: bucket.sample_count for bucket in label.string_stats.rank_histogram.buckets}
    accounting = json.loads(artifact(config, "CorpusIngest/examples/*/accounting.json").read_text())
    assert counts == accounting["labels"]["train"]


def test_ids_in_transformed_examples_are_those_of_the_sentencepiece_package(first_run):
    config, _, _ = first_run
    model = artifact(config, "SentencePieceTrainer/tokenizer/*/*.model")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))

    def rows(pattern):
        for record in tf.data.TFRecordDataset([str(artifact(config, pattern))], "GZIP").as_numpy_iterator():
            yield tf.train.Example.FromString(record).features.feature

    texts = [row["text"].bytes_list.value[0].decode() for row in rows("CorpusIngest/examples/*/Split-train/*.gz")]
    ids = [tuple(row["token_ids"].int64_list.value) for row in rows("TextTransform/*/*/Split-train/*.gz")]
    expected = [tuple(processor.encode(text.lower(), add_bos=True, add_eos=True)[:64]) for text in texts]
    assert sorted(ids) == sorted(expected)


def test_test_split_is_left_alone_until_it_is_scored(first_run):
    config, _, _ = first_run
    for folder in ("StatisticsGen/statistics", "TextTransform/transformed_examples"):
        splits = {path.name for path in (config.parent / "root" / "artifacts" / folder).glob("*/Split-*")}
        assert splits == {"Split-train", "Split-eval"}
    report = json.loads(artifact(config, "HeldOutScorer/report/*/held_out.json").read_text())
    model, majority = (report["systems"][name]["accuracy"] for name in ("model", "majority"))
    assert model["low"] <= model["value"] <= model["high"]
    assert model["value"] > majority["value"]


def test_terminal_shows_no_noise(first_run):
    _, _, shown = first_run
    for noise in ("WARNING", "Warning", "INFO", "absl", "oneDNN", "Traceback"):
        assert noise not in shown


def test_unchanged_run_is_all_cache(first_run):
    serving = first_run[0].parent / "root" / "serving" / "tiny"
    before = sorted(serving.iterdir())
    code, shown = run(first_run[0])
    assert code == 0
    assert cached_stages(shown) == STAGES[:-1]
    assert "all from cache but Pusher" in unwrapped(shown)
    assert sorted(serving.iterdir()) == before


def test_changed_threshold_evaluates_again_and_trains_nothing(first_run):
    code, shown = run(first_run[0], "--set", "evaluation.thresholds.accuracy=0.79")
    assert "(threshold 0.79)" in shown
    assert code == 0
    # The first run pushed a model, so that this one has another to compare with.
    changed = {"BaselineResolver", "TaskEvaluator", "EvaluationReport", "ModelPackager", "InfraCheck", "Pusher"}
    assert set(STAGES) - set(cached_stages(shown)) == changed | {"StrictExampleValidator"}
    assert "none from the rows of the model in service: label 0.000 of 0.1" in unwrapped(shown)


@pytest.mark.thorough
def test_without_thresholds_nothing_is_blessed_and_the_summary_says_why(first_run):
    code, shown = run(first_run[0], "--set", "evaluation={beat: none}")
    assert code == 4
    assert "no: evaluation.thresholds sets none, so not pushed" in unwrapped(shown)


def test_model_below_a_threshold_is_not_pushed_and_the_exit_code_says_so(first_run):
    before = sorted((first_run[0].parent / "root" / "serving" / "tiny").iterdir())
    code, shown = run(
        first_run[0],
        "--set",
        "evaluation.thresholds.auc=1.0",
        "--set",
        "training.learning_rate=0.00001",
        "--set",
        "training.epochs=1",
        "--set",
        "head.branches=[recurrent]",
    )
    assert code == 4, shown
    assert re.search(
        r"no: (.+; )?AUC is 0\.\d{4}, demanded: at least 1, missed by 0\.\d{4}, so not pushed", unwrapped(shown)
    )
    assert sorted((first_run[0].parent / "root" / "serving" / "tiny").iterdir()) == before


@pytest.mark.thorough
def test_edited_row_reruns_what_depends_on_it(tmp_path, reviews, tiny_project):
    rows = reviews[:400]
    config = tiny_project(tmp_path, rows)
    options = ["--set", "training.epochs=1", "--set", "evaluation.thresholds={accuracy: 0.0}"]
    run(config, *options)
    index = next(index for index, (_, mood) in enumerate(rows) if mood == "good")
    tiny_project(tmp_path, [*rows[:index], ("a charming, charming music", "good"), *rows[index + 1 :]])
    code, shown = run(config, *options)
    assert code == 0, shown
    assert cached_stages(shown) == ["SchemaImporter"]


@pytest.mark.thorough
def test_another_version_of_the_package_reruns_what_runs_its_code(first_run, monkeypatch):
    monkeypatch.setattr(ulmfit_tfx, "__version__", "99.0.0")
    code, shown = run(first_run[0])
    assert code == 0, shown
    assert not {"CorpusIngest", "SentencePieceTrainer", "TextTransform", "Trainer"} & set(cached_stages(shown))


def test_model_of_a_run_is_in_service_after_it_whatever_was_pushed_since(first_run):
    """TFX's cache knows nothing of the folder that is served from."""
    serving = first_run[0].parent / "root" / "serving" / "tiny"
    newer = serving / "99999999999"
    shutil.copytree(find_model(serving), newer)
    (newer / "assets.extra" / "README.md").write_text("another model")
    code, shown = run(first_run[0])
    assert code == 0, shown
    in_service = find_model(serving)
    assert in_service.name == "100000000000"
    assert (in_service / "assets.extra" / "README.md").read_text() != "another model"
    assert f"serving/tiny/{in_service.name}" in "".join(shown.split())


def test_summary_names_the_version_in_service_after_a_rollback(first_run):
    serving = first_run[0].parent / "root" / "serving" / "tiny"
    shutil.copytree(find_model(serving), serving / "1")
    (serving / "1" / "assets.extra" / "README.md").write_text("another model")
    assert CliRunner().invoke(app, ["rollback", str(serving), "--to", "1"]).exit_code == 0
    shown = "".join(run(first_run[0])[1].split())  # a long path is folded anywhere
    assert re.search(r"serving/tiny/\d+\(version1isinservice,byarollback\)", shown)
    assert CliRunner().invoke(app, ["rollback", str(serving), "--release"]).exit_code == 0
    shutil.rmtree(serving / "1")


@pytest.mark.thorough
def test_tokenizer_is_trained_on_the_corpus_where_there_is_one(tmp_path, reviews, tiny_project):
    corpus = {"path": "corpus.txt", "format": "text", "splits": {"train": 1, "eval": 0, "test": 0}}
    config = tiny_project(
        tmp_path,
        reviews,
        corpus=corpus,
        tokenizer={"add_bos": False, "add_eos": False},
        encoder={"architecture": "awd_lstm"},
        export={"fixed_seq_len": None},
        sample_texts=["", "a dull plot"],
    )
    lines = [f"{text} zyzzyva" for text, _ in reviews]
    (tmp_path / "corpus.txt").write_text("\n".join(lines), encoding="utf-8")
    code, shown = run(config, "--set", "evaluation.thresholds={accuracy: 0.5}")
    assert code == 0, shown
    assert "CorpusIngestUnlabelled: " in shown
    assert "\u2581zyzzyva\t" in artifact(config, "SentencePieceTrainer/tokenizer/*/*.vocab").read_text()
    assert re.search(r"(bad|good|plain) +[01]\.\d+ +a dull plot", shown)


def test_anomaly_stops_the_run_before_anything_is_trained(tmp_path, reviews, tiny_project):
    config = tiny_project(tmp_path, reviews[:200], data_schema={"path": "moods.pbtxt"})
    (tmp_path / "moods.pbtxt").write_text(
        'feature { name: "text" type: BYTES presence { min_fraction: 1.0 } shape { dim { size: 1 } } }\n'
        'feature { name: "length_bucket" type: BYTES shape { dim { size: 1 } } }\n'
        'feature { name: "label" type: BYTES shape { dim { size: 1 } } domain: "mood" }\n'
        'string_domain { name: "mood" value: "good" value: "bad" }\n'
    )
    code, shown = run(config)
    assert code == 3
    assert "StrictExampleValidator failed: the data does not fit the schema:" in shown
    assert re.search(r"train: feature 'label': Unexpected string values: .*plain", shown)
    assert "The full log is in " in shown
    assert "SentencePieceTrainer" not in shown


@pytest.mark.thorough
def test_killed_training_goes_on_from_its_last_checkpoint(tmp_path, reviews, tiny_project):
    config = tiny_project(
        tmp_path, reviews, training={"epochs": 6, "checkpoint_seconds": 0}, head={"branches": ["recurrent"]}
    )
    command = [sys.executable, "-m", "ulmfit_tfx.pipeline", "run", str(config), "--root", str(tmp_path / "root")]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 300
    checkpoints = tmp_path / "root" / "checkpoints"
    while not any(int(path.name.split("-")[1]) >= 20 for path in checkpoints.glob("*/step-*")):
        assert first.poll() is None, first.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    # Two, where the kill fell between the new checkpoint and the removal of the one before.
    step = max(int(path.name.split("-")[1]) for path in checkpoints.glob("*/step-*"))

    second = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert second.returncode == 0, second.stdout
    assert f"resumed from the checkpoint at step {step} " in second.stdout
    log = max((tmp_path / "root" / "logs").iterdir()).read_text()
    assert f"Resuming from the checkpoint at step {step}: " in log
    before = STAGES[: STAGES.index("Trainer")]
    assert cached_stages(second.stdout) == [stage for stage in before if stage != "CorpusStatistics"]
    history = json.loads(artifact(config, "Trainer/model_run/*/history.json").read_text())
    assert len(history["epochs"]) == 6
    assert not list(checkpoints.iterdir()), "a finished training leaves its checkpoints to nobody"


@pytest.mark.thorough
def test_pipeline_starts_from_a_pretrained_encoder_and_its_tokenizer(tmp_path, reviews, tiny_project, spm_model):
    (tmp_path / "wiki-sp200.model").write_bytes(spm_model)
    source = RandomLanguageModel(200, (16, 24, 16))
    TorchWriter.save(tmp_path / "wiki.pth", source.state_dict())
    config = tiny_project(tmp_path, reviews)
    sections = yaml.safe_load(config.read_text())
    del sections["tokenizer"], sections["encoder"]
    sections["pretrained"] = {"checkpoint": "wiki.pth", "tokenizer": "wiki-sp200.model"}
    sections["training"]["layer_rate_factor"] = 1  # the weights are random: all layers have to learn
    config.write_text(yaml.safe_dump(sections))
    code, shown = run(config)
    assert code == 0, shown
    assert "EncoderImporter: " in shown
    assert "SentencePieceTrainer" not in shown
    assert "200 pieces (wiki-sp200)" in shown
    info = read_model_info(find_model(config.parent / "root" / "serving" / "tiny"))
    assert (info.encoder.architecture, info.encoder.hidden_sizes) == ("awd_lstm", (24, 16))
    assert "EncoderImporter" in cached_stages(run(config)[1])
