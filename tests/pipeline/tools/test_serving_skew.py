"""Skew of logged requests against the statistics of a real run's train split."""

import json
import random

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
from typer.testing import CliRunner

from ulmfit_tfx.pipeline import local_runner
from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.pipeline.graph import build_pipeline
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.pipeline.surroundings import LocalSurroundings
from ulmfit_tfx.pipeline.tools.skew.comparison import distance_by_chance, find_skew
from ulmfit_tfx.pipeline.tools.skew.request_logs import LoggedText
from ulmfit_tfx.pipeline.tools.skew.training_statistics import training_statistics
from ulmfit_tfx.schemas.config.config_file import load_config
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.errors import ConfigError, DataError, ExitCode
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.transforms.records.record import Refusal


class Quiet:
    """Observer of a run."""

    def stage_started(self, name, number, of):
        pass

    def stage_finished(self, result):
        pass


@pytest.fixture(scope="module")
def trained(tmp_path_factory, reviews, tiny_project):
    """The configuration of a run up to its statistics; the run's folder."""
    path = tiny_project(tmp_path_factory.mktemp("skew"), reviews)
    folder = RunFolder(path.parent / "root")
    folder.root.mkdir()
    config = load_config(path)
    local_runner.run(build_pipeline(config, LocalSurroundings(folder, config.name), until="StatisticsGen"), Quiet())
    return path, folder


@pytest.fixture(scope="module")
def training(trained):
    return training_statistics(str(trained[1].root), None)


def short_and_long(reviews):
    """Texts of about the training's lengths, and texts all longer than its longest."""
    texts = [text for text, _ in random.Random(1).sample(reviews, 300)]
    return texts, [f"{text} {text} {text}" for text in texts]


def bodies(path, texts):
    path.write_text("".join(json.dumps({"instances": [text]}) + "\n" for text in texts), encoding="utf-8")
    return str(path)


def skew(*arguments):
    result = CliRunner().invoke(app, ["skew", *map(str, arguments)])
    return result.exit_code, result.output


def test_statistics_are_those_of_the_run_and_so_are_the_length_buckets(trained, training):
    assert training.ingestion.source.length_buckets == (10, 20)
    [file] = trained[1].artifacts.glob("StatisticsGen/statistics/*/Split-train/FeatureStats.pb")
    assert training.path == str(file)
    assert training.statistics == tfdv.load_stats_binary(str(file)).datasets[0]


def test_statistics_of_an_artifact_need_the_configuration_of_the_run(trained, training):
    path, folder = trained
    artifact = training.path.removesuffix("/Split-train/FeatureStats.pb")
    for place in (artifact, f"{artifact}/Split-train", training.path):
        assert training_statistics(place, load_config(path)).statistics == training.statistics
    with pytest.raises(ConfigError, match="no folder of a run.*--config"):
        training_statistics(artifact, None)
    other = load_config(path, ["data.length_buckets=[7]"])
    with pytest.raises(DataError, match="has texts of '00-10 words', which data.length_buckets \\[7\\] does not give"):
        training_statistics(artifact, other)
    with pytest.raises(ConfigError, match="has no statistics"):
        training_statistics(str(folder.root / "nothing"), load_config(path))


def test_distance_is_the_largest_difference_of_shares(training, reviews):
    texts, longer = short_and_long(reviews)
    served = texts[:100] + longer[:50]
    report = find_skew(training, map(LoggedText, served), threshold=0.2)
    words = np.array([len(text.split()) for text in served])
    shares = [np.mean(words <= 10), np.mean((words > 10) & (words <= 20)), np.mean(words > 20)]
    assert [shares["serving"] for shares in report.shares.values()] == pytest.approx(shares)
    of_training = [shares["training"] for shares in report.shares.values()]
    assert report.distance == pytest.approx(np.abs(np.subtract(shares, of_training)).max())
    assert list(report.shares) == ["00-10 words", "11-20 words", "over 20 words"]
    assert report.texts["serving"] == 150
    assert report.mean_bytes["serving"] == pytest.approx(np.mean([len(text.encode()) for text in served]), rel=1e-5)


def test_texts_like_those_of_the_training_are_no_skew_and_longer_ones_are(training, reviews):
    alike, longer = (find_skew(training, map(LoggedText, texts), 0.2) for texts in short_and_long(reviews))
    assert alike.anomaly is None
    assert alike.distance < alike.by_chance * 1.5
    assert "Linfty distance between training and serving" in longer.anomaly
    assert longer.distance > 0.2


def test_words_of_a_tagger_are_counted_as_in_its_training(training, reviews):
    """`Don't.` is three words of a treebank, and one between white space."""
    ingestion = training.ingestion
    tagging = type(ingestion)(ingestion.source, TaggingConfig())
    raw = LoggedText("Don't. " * 4)
    plain, of_tagger = (
        find_skew(type(training)(training.path, training.statistics, how), [raw], 1.0) for how in (ingestion, tagging)
    )
    assert plain.shares["00-10 words"]["serving"] == 1
    assert of_tagger.shares["11-20 words"]["serving"] == 1
    split = find_skew(
        type(training)(training.path, training.statistics, tagging), [LoggedText("Don't. " * 4, is_split=True)], 1.0
    )
    assert split.shares["00-10 words"]["serving"] == 1


def test_records_without_texts_are_counted_and_the_first_are_kept(training):
    refusals = [
        Refusal("log", number, "not JSON" if number % 2 else "inputs without texts", "", "") for number in range(99)
    ]
    report = find_skew(training, [LoggedText("a text"), *refusals], 1.0)
    assert report.refused == {"inputs without texts": 50, "not JSON": 49}
    assert list(report.refusals) == refusals[:20]
    assert json.loads(report.to_json())["refusals"][3]["line"] == 3


def test_logs_without_a_text_are_an_error_that_shows_the_first_records(training):
    with pytest.raises(DataError, match=r"none of 1 records has a text.*\n  log:7: not JSON: cut"):
        find_skew(training, [Refusal("log", 7, "not JSON", "cut", "")], 0.2)
    with pytest.raises(DataError, match="the logs are empty"):
        find_skew(training, [], 0.2)


def test_chance_is_the_binomials_for_two_buckets():
    """With shares p and 1 - p the distance is that of a binomial's mean: 2.576 standard deviations at 99 %."""
    assert distance_by_chance([0.3, 0.7], 1000) == pytest.approx(2.576 * np.sqrt(0.3 * 0.7 / 1000), rel=0.08)


def test_command_exits_with_0_or_5_and_writes_the_report(trained, reviews, tmp_path):
    _, folder = trained
    texts, longer = short_and_long(reviews)
    code, shown = skew(bodies(tmp_path / "alike.jsonl", texts), "--statistics", folder.root)
    assert code == ExitCode.OK, shown
    assert "no skew" in shown
    request = predict_pb2.PredictRequest()
    request.inputs["string_inputs"].CopyFrom(tf.make_tensor_proto(longer))
    log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
    with tf.io.TFRecordWriter(str(tmp_path / "longer")) as writer:
        writer.write(log.SerializeToString())
        writer.write(b"\xff\xff")
    report = tmp_path / "report.json"
    code, shown = skew(tmp_path / "longer", "--statistics", folder.root, "--output", report)
    assert code == ExitCode.SKEWED == 5
    assert "Linfty distance between training and serving" in shown
    assert "1 records without a text" in shown
    written = json.loads(report.read_text())
    assert written["refused"] == {"not a PredictionLog": 1}
    assert written["texts"]["serving"] == len(longer)
    code, _ = skew(tmp_path / "longer", "--statistics", folder.root, "--threshold", "1.0")
    assert code == ExitCode.OK


def test_command_says_what_is_wrong(trained, tmp_path):
    path, folder = trained
    assert skew(tmp_path / "none", "--statistics", folder.root)[0] == ExitCode.BAD_USAGE
    log = bodies(tmp_path / "log.jsonl", ["one"])
    assert skew(log, "--statistics", tmp_path)[0] == ExitCode.BAD_USAGE
    (tmp_path / "log.jsonl").write_text("nothing\n")
    assert skew(log, "--statistics", folder.root, "--config", path)[0] == ExitCode.BAD_DATA


def test_configuration_of_a_pipeline_without_labelled_rows_is_refused(trained):
    config = PipelineConfig.model_validate(
        {"name": "lm", "task": "language_model", "corpus": {"path": "x", "format": "text"}, "language_model": {}}
    )
    with pytest.raises(ConfigError, match="no folder of a run"):
        training_statistics(training_statistics(str(trained[1].root), None).path, config)
