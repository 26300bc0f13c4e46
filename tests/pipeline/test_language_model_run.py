"""Language models in whole pipelines, run through the commands as a user would."""

import dataclasses
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml
from typer.testing import CliRunner

import ulmfit_tfx
from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.tasks import read_model_info
from ulmfit_tfx.trainer_modules.serving.encoder_folder import load_language_model
from ulmfit_tfx.trainer_modules.serving.loaded_model import find_model

pytestmark = pytest.mark.pipeline

TO_CLASSIFY = [
    "BaselineResolver",
    "CorpusIngest",
    "CorpusIngestUnlabelled",
    "SchemaImporter",
    "SchemaImporterUnlabelled",
    "StatisticsGen",
    "StrictExampleValidator",
    "SentencePieceTrainer",
    "TextTransform",
    "TextTransformUnlabelled",
    "CorpusStatistics",
    "LearningRateFinder",
    "TrainerFromScratch",
    "LanguageModelTrainer",
    "PerplexityGate",
    "Trainer",
    "TaskEvaluator",
    "HeldOutScorer",
    "EvaluationReport",
    "ModelPackager",
    "InfraCheck",
    "Pusher",
]
BATCH, BPTT = 8, 20
TERMINAL_NOISE = ("WARNING", "Warning", "INFO", "absl", "oneDNN", "Traceback")


@dataclasses.dataclass(frozen=True)
class Project:
    """A configuration and the folder of its runs."""

    config: Path
    root: Path

    def arguments(self, command: str, *options: str) -> list[str]:
        return [command, str(self.config), "--root", str(self.root), *options]

    def call(self, command: str, *options: str) -> tuple[int, str]:
        """Exit code of a command and what it shows."""
        result = CliRunner().invoke(app, self.arguments(command, *options))
        return result.exit_code, result.stdout

    def made(self, pattern: str) -> Path:
        """The newest thing that fits a pattern below the artifacts."""
        return max((self.root / "artifacts").glob(pattern), key=lambda path: path.stat().st_mtime)

    def in_another_root(self, root: Path) -> "Project":
        return dataclasses.replace(self, root=root)


@pytest.fixture(scope="module")
def pretraining(reviews):
    """Writes a corpus and a configuration of task language_model into a folder."""

    def write(folder: Path, **sections) -> Project:
        folder.mkdir(exist_ok=True)
        (folder / "corpus.txt").write_text("\n".join(text for text, _ in reviews[:400]) + "\n")
        config = {
            "name": "lm",
            "task": "language_model",
            "corpus": {"path": "corpus.txt", "format": "text", "length_buckets": [10, 20]},
            "cleaning": {"lower_case": True},
            "tokenizer": {"vocab_size": 200},
            "encoder": {"embedding_size": 12, "hidden_sizes": [16, 12]},
            "language_model": {"epochs": 2, "batch_size": BATCH, "bptt": BPTT, "learning_rate": 0.02},
            "evaluation": {"thresholds": {"perplexity": 150}},
            "sample_texts": ["a brilliant film and"],
        } | sections
        path = folder / "lm.yaml"
        path.write_text(yaml.safe_dump({name: section for name, section in config.items() if section is not None}))
        return Project(path, folder / "root")

    return write


@pytest.fixture(scope="module")
def classified(tmp_path_factory, reviews, tiny_project):
    """A language model of both directions and the classifier from it; exit code and terminal of the run."""
    folder = tmp_path_factory.mktemp("classified")
    rows = reviews[:300]
    (folder / "corpus.txt").write_text("\n".join(text for text, _ in rows) + "\n")
    config = tiny_project(
        folder,
        rows,
        corpus={"path": "corpus.txt", "format": "text"},
        encoder={"embedding_size": 12, "hidden_sizes": [16, 12]},
        language_model={
            "epochs": 1,
            "batch_size": BATCH,
            "bptt": BPTT,
            "direction": "both",
            "find_learning_rate": True,
        },
        training={"epochs": 2, "gradual_unfreezing": True},
        evaluation={"compare_from_scratch": True, "thresholds": {"perplexity": 190, "accuracy": 0.0, "auc": None}},
    )
    project = Project(config, folder / "root")
    return project, *project.call("run")


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory, pretraining):
    """A language model of one direction, trained without a break; exit code and terminal of the run."""
    project = pretraining(tmp_path_factory.mktemp("pretrained"))
    return project, *project.call("run")


def stages(shown: str, how: str = "") -> list[str]:
    """Stages that a run announced, or those of them that ended with these words."""
    return re.findall(rf"\[ *\d+/\d+\] (\w+): [^\n]*(?:\n {{6}}\S[^\n]*)*\n {{8}}{how}", shown)


def record(project: Project, folder: str = "") -> dict:
    """What `encoder.json` of the newest language model says."""
    return json.loads((project.made("LanguageModelTrainer/model/*") / folder / "encoder.json").read_text())


def transformed(project: Project, split: str) -> list[np.ndarray]:
    """Ids of the corpus' texts."""
    file = project.made(f"TextTransformUnlabelled/transformed_examples/*/Split-{split}/*.gz")
    parsed = (
        tf.train.Example.FromString(row) for row in tf.data.TFRecordDataset([str(file)], "GZIP").as_numpy_iterator()
    )
    return [np.array(example.features.feature["token_ids"].int64_list.value) for example in parsed]


def weights(project: Project) -> Mapping[str, np.ndarray]:
    """Those of the newest language model, by path."""
    model = load_language_model(project.made("LanguageModelTrainer/model/*"))
    return {weight.path: weight.numpy() for weight in model.weights}


def test_every_stage_runs_and_the_table_shows_what_pretraining_buys(classified):
    _, code, shown = classified
    assert code == 0, shown
    assert sorted(stages(shown)) == sorted(TO_CLASSIFY)
    assert stages(shown, "from cache") == []
    for line in (
        r"unlabelled examples +300 ",
        r"eval perplexity \(forward\) +\d+\.\d\d a piece +\(threshold 190\)",
        r"eval perplexity \(backward\) +\d+\.\d\d a piece +\(threshold 190\)",
        r"test accuracy +[01]\.\d{4} ",
        r"without pretraining +[01]\.\d{4} ",
        r"blessed +yes",
    ):
        assert re.search(line, shown), line
    assert not [noise for noise in TERMINAL_NOISE if noise in shown]


def test_comparison_is_of_the_same_classifier_in_both_directions(classified):
    project, _, _ = classified
    report = json.loads(project.made("HeldOutScorer/report/*/held_out.json").read_text())
    assert {"model", "from_scratch", "majority", "tfidf"} == report["systems"].keys()
    for trainer in ("Trainer", "TrainerFromScratch"):
        assert read_model_info(project.made(f"{trainer}/model/*/Format-Serving")).directions == ("forward", "backward")


def test_lineage_of_the_language_model_is_what_was_trained(classified):
    project, _, _ = classified
    texts = transformed(project, "train")
    digests = [hashlib.blake2b(ids.astype("<u2").tobytes(), digest_size=16).digest() for ids in texts]
    corpus = {
        "fingerprint": f"{sum(int.from_bytes(digest, 'big') for digest in digests) % 2**128:032x}",
        "documents": len(texts),
        "pieces": sum(map(len, texts)),
    }
    steps = (corpus["pieces"] // BATCH - 1) // BPTT
    for folder, direction in (("", "forward"), ("backward", "backward")):
        content = record(project, folder)
        source = content["source"]
        assert content["encoder"]["direction"] == direction
        assert source["corpus"] == corpus
        assert source["pieces_seen"] == steps * BATCH * BPTT
        (epoch,) = source["epochs"]
        assert epoch["eval_perplexity"] == pytest.approx(np.exp(epoch["eval_loss"]))
        assert 1 < epoch["eval_perplexity"] < 200, "better than all pieces alike"
        assert source["versions"]["ulmfit-tfx"] == ulmfit_tfx.__version__


def test_learning_rate_that_was_found_is_trained_with_and_its_chart_kept(classified):
    project, _, _ = classified
    found = json.loads(project.made("LearningRateFinder/best_hyperparameters/*/*.txt").read_text())
    assert record(project)["source"]["training"]["learning_rate"] == found["values"]["learning_rate"]
    chart = project.made("LearningRateFinder/tuner_results/*/learning_rate.png")
    assert tf.io.decode_png(chart.read_bytes()).shape[-1] in (3, 4)


def test_keras_weights_and_saved_model_predict_the_same_in_both_directions(classified):
    project, _, _ = classified
    artifact = project.made("LanguageModelTrainer/model/*")
    served = tf.saved_model.load(str(artifact / "Format-Serving"))
    ids = np.array([[2, 17, 45, 8, 120]], np.int32)
    for folder, signature, last in (("", "next", -1), ("backward", "previous", 0)):
        logits = load_language_model(artifact / folder)(ids)[:, last]
        found = served.signatures[f"{signature}_piece_numericalized"](numericalized=tf.constant(ids))
        np.testing.assert_allclose(found["log_probabilities"], tf.nn.log_softmax(logits), atol=1e-5)


def test_classifier_averages_what_reads_forward_and_what_reads_backward(classified):
    project, _, shown = classified
    assert read_model_info(find_model(project.root / "serving" / "tiny")).directions == ("forward", "backward")
    for expected in ("language model that reads backward", "classifier that reads backward", "average of both: "):
        assert expected in shown


def test_tensorboard_shows_the_epochs_of_both_directions(classified):
    project, _, _ = classified
    for direction, folder in (("forward", ""), ("backward", "backward")):
        file = project.made(f"LanguageModelTrainer/model_run/*/{direction}/events.out.tfevents.*")
        events = map(tf.compat.v1.Event.FromString, tf.data.TFRecordDataset([str(file)]).as_numpy_iterator())
        scalars = {value.tag: tf.make_ndarray(value.tensor) for event in events for value in event.summary.value}
        (epoch,) = record(project, folder)["source"]["epochs"]
        assert scalars["epoch/eval_perplexity"] == pytest.approx(epoch["eval_perplexity"])
        assert "step/learning_rate" in scalars


def test_unchanged_run_is_all_cache(classified):
    code, shown = classified[0].call("run")
    assert code == 0, shown
    assert sorted(stages(shown, "from cache")) == sorted({*TO_CLASSIFY} - {"Pusher"})


@pytest.mark.thorough
def test_killed_pretraining_ends_where_an_unbroken_one_does(pretrained, tmp_path):
    unbroken, code, shown = pretrained
    assert code == 0, shown
    project = unbroken.in_another_root(tmp_path / "killed")
    # More often than the unbroken run writes them, or the kill could not be timed: checkpoints change no weight.
    options = ["--set", "language_model.checkpoint_seconds=0"]
    command = [sys.executable, "-m", "ulmfit_tfx.pipeline", *project.arguments("run", *options)]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 300
    while last_checkpoint(project) < 20:
        assert first.poll() is None, first.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    step = last_checkpoint(project)

    code, shown = project.call("run", *options)
    assert code == 0, shown
    assert f"resumed from the checkpoint at step {step} " in shown
    assert stages(shown, "from cache") == stages(shown)[:4]
    assert not list((project.root / "checkpoints").iterdir()), "neither checkpoints nor copies of the corpus are left"
    ours, expected = record(project)["source"], record(unbroken)["source"]
    assert ours["pieces_seen"] == expected["pieces_seen"]
    assert ours["epochs"][-1]["eval_perplexity"] == pytest.approx(expected["epochs"][-1]["eval_perplexity"], rel=1e-5)
    found = weights(project)
    for path, weight in weights(unbroken).items():
        np.testing.assert_allclose(found[path], weight, rtol=1e-4, atol=1e-6, err_msg=path)


def last_checkpoint(project: Project) -> int:
    """Step of the newest checkpoint of the forward model, 0 where there is none."""
    checkpoints = (project.root / "checkpoints").glob("*/forward/step-*")
    return max((int(path.name.split("-")[1]) for path in checkpoints), default=0)


def test_pushed_language_model_continues_a_text(pretrained):
    project, _, shown = pretrained
    assert "a brilliant film and" in shown
    assert "ulmfit-tfx complete " in shown
    serving = project.root / "serving" / "lm"
    result = CliRunner().invoke(app, ["complete", str(serving), "a dull", "--beams", "3", "--pieces", "4", "--json"])
    assert result.exit_code == 0, result.stdout
    completions = [json.loads(line) for line in result.stdout.splitlines()]
    assert len({completion["continuation"] for completion in completions}) == 3
    assert all(completion["prompt"] == "a dull" and completion["pieces"] <= 4 for completion in completions)


def test_pushed_language_model_has_a_card_with_the_perplexities_of_the_gate(pretrained):
    project, _, _ = pretrained
    card = (find_model(project.root / "serving" / "lm") / "assets.extra" / "README.md").read_text()
    _, front_matter, _ = card.split("---\n", 2)
    metadata = yaml.safe_load(front_matter)
    assert metadata["pipeline_tag"] == "text-generation"
    (result,) = metadata["model-index"][0]["results"]
    report = json.loads(project.made("PerplexityGate/evaluation/*/perplexity.json").read_text())
    measured = report["overall"]["perplexity"]["forward"]
    assert [metric["value"] for metric in result["metrics"]] == [measured["piece"], measured["word"]]


def test_perplexity_above_its_threshold_stops_the_run_and_nothing_is_pushed(pretrained):
    project, _, _ = pretrained
    before = list((project.root / "serving" / "lm").iterdir())
    code, shown = project.call("run", "--set", "evaluation.thresholds.perplexity=1.5")
    assert code == 4, shown
    assert re.search(r"reading forward: \d+\.\d+ a piece, evaluation\.thresholds\.perplexity is 1\.5", shown)
    assert "Pusher" not in shown
    assert list((project.root / "serving" / "lm").iterdir()) == before


def test_learning_rate_is_looked_for_without_training(pretrained):
    project, _, _ = pretrained
    code, shown = project.call("find-lr")
    assert code == 0, shown
    assert stages(shown)[-1] == "LearningRateFinder"
    assert "LanguageModelTrainer" not in shown
    (chart,) = re.findall(r"Chart: (.+)", shown)
    assert Path(chart).is_file()
    (rate,) = re.findall(r"suggestion +(\S+)", shown)
    assert f"--set language_model.learning_rate={rate}" in shown


@pytest.mark.thorough
def test_fine_tuning_of_a_language_model_leaves_recurrent_layers_alone_in_frozen_epochs(
    pretrained, pretraining, tmp_path
):
    source, _, _ = pretrained
    checkpoint = {"checkpoint": str(find_model(source.root / "serving" / "lm"))}
    training = {"epochs": 1, "frozen_epochs": 1, "batch_size": BATCH, "bptt": BPTT, "learning_rate": 0.02}
    project = pretraining(tmp_path, pretrained=checkpoint, language_model=training, tokenizer=None, encoder=None)
    code, shown = project.call("run")
    assert code == 0, shown
    before, after = weights(source), weights(project)
    unchanged = {path for path in before if np.array_equal(before[path], after[path])}
    recurrent = {path for path in before if "embedding" not in path and "lm_head" not in path}
    assert recurrent
    assert unchanged == recurrent
    first_epoch_before, first_epoch = (record(each)["source"]["epochs"][0]["loss"] for each in (source, project))
    assert first_epoch < first_epoch_before, "it starts from what was learnt"

    code, shown = project.call("run", "--set", "language_model.direction=backward")
    assert code == 3, shown
    assert "reads forward, and language_model.direction is backward. Set it to forward." in shown
