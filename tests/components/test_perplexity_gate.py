import dataclasses
import math

import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.types import standard_component_specs as standard
from tfx.utils import json_utils, proto_utils

from ulmfit_tfx.components.perplexity_gate.executor import Executor
from ulmfit_tfx.components.perplexity_gate.metrics import Perplexity, perplexity
from ulmfit_tfx.components.perplexity_gate.report import (
    REPORT_FILE,
    MeasuredPerplexity,
    PerplexityReport,
    SlicePerplexity,
)
from ulmfit_tfx.pipeline.eval_config import language_model_eval_config
from ulmfit_tfx.schemas.config import EvaluationConfig, ThresholdsConfig
from ulmfit_tfx.schemas.errors import DataError, ExitCode, NotBlessedError

BOTH = ("forward", "backward")


@dataclasses.dataclass(frozen=True)
class Text:
    """A text and what the model that these tests write says of it."""

    bucket: str
    likelihood: float
    likelihood_backward: float
    pieces: int
    words: int


TEXTS = (
    Text("short", 2.0, 3.0, 1, 1),
    Text("short", 9.0, 8.0, 4, 2),
    Text("long", 30.0, 33.0, 10, 5),
    Text("long", 55.0, 50.0, 11, 7),
    Text("long", 41.0, 60.0, 12, 8),
)


class ModelThatReadsItsAnswers(tf.Module):
    """Its texts are the numbers that it answers with."""

    def __init__(self, outputs):
        super().__init__()
        self.outputs = outputs

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples):
        texts = tf.io.parse_example(examples, {"text": tf.io.FixedLenFeature([], tf.string)})["text"]
        numbers = tf.strings.to_number(tf.strings.split(texts).to_tensor(shape=[None, 4]))
        answers = dict(zip(self.outputs, tf.split(numbers, 4, axis=1), strict=True))
        counts = {name: tf.cast(answers.pop(name), tf.int32) for name in ("predicted_pieces", "words")}
        return answers | counts


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model of both directions."""
    return _write_model(tmp_path_factory.mktemp("model"), "negative_log_likelihood", "negative_log_likelihood_backward")


def _write_model(folder, *likelihoods):
    module = ModelThatReadsItsAnswers((*likelihoods, "predicted_pieces", "words"))
    tf.saved_model.save(module, str(folder / "Format-Serving"), signatures={"serving_examples": module.serve})
    artifact = standard_artifacts.Model()
    artifact.uri = str(folder)
    return artifact


def _write_examples(folder, texts):
    """One file a text: no batch goes beyond a file."""
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder / "examples")
    artifact.split_names = artifact_utils.encode_split_names(["eval"])
    examples_utils.set_payload_format(artifact, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(artifact, "tfrecords_gzip")
    split = folder / "examples" / "Split-eval"
    split.mkdir(parents=True)
    for index, text in enumerate(texts):
        bucket, *numbers = (str(value) for value in dataclasses.astuple(text))
        example = tf.train.Example()
        example.features.feature["text"].bytes_list.value.append(" ".join(numbers).encode())
        example.features.feature["length_bucket"].bytes_list.value.append(bucket.encode())
        with tf.io.TFRecordWriter(str(split / f"data_tfrecord-{index}.gz"), options="GZIP") as writer:
            writer.write(example.SerializeToString())
    if not texts:
        tf.io.TFRecordWriter(str(split / "data_tfrecord-0.gz"), options="GZIP").close()
    return artifact


@pytest.fixture
def gate(tmp_path, model):
    """Evaluates texts; returns the report and the blessing."""

    def run(texts=TEXTS, directions=BOTH, model=model, **thresholds):
        config = language_model_eval_config(EvaluationConfig(thresholds=ThresholdsConfig(**thresholds)), directions)
        evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
        evaluation.uri, blessing.uri = str(tmp_path / "evaluation"), str(tmp_path / "blessing")
        inputs = {
            standard.EXAMPLES_KEY: [_write_examples(tmp_path, texts)],
            standard.MODEL_KEY: [model],
        }
        outputs = {standard.EVALUATION_KEY: [evaluation], standard.BLESSING_KEY: [blessing]}
        properties = {
            standard.EVAL_CONFIG_KEY: proto_utils.proto_to_json(config),
            standard.EXAMPLE_SPLITS_KEY: json_utils.dumps(["eval"]),
        }
        context = BaseBeamExecutor.Context(
            beam_pipeline_args=["--runner=DirectRunner"], tmp_dir=str(tmp_path / "tmp"), unique_id="1"
        )
        Executor(context).Do(inputs, outputs, properties)
        report = PerplexityReport.from_json((tmp_path / "evaluation" / REPORT_FILE).read_text())
        return report, blessing

    return run


def _approximately(piece, word):
    return MeasuredPerplexity(pytest.approx(piece, rel=1e-6), pytest.approx(word, rel=1e-6))


def test_perplexity_is_of_the_texts_of_a_slice_together(gate):
    report, _ = gate()
    assert report.overall == SlicePerplexity(
        5,
        {
            "forward": _approximately(math.exp(137 / 38), math.exp(137 / 23)),
            "backward": _approximately(math.exp(154 / 38), math.exp(154 / 23)),
        },
    )
    assert report.by_length == {
        "long": SlicePerplexity(
            3,
            {
                "forward": _approximately(math.exp(126 / 33), math.exp(126 / 20)),
                "backward": _approximately(math.exp(143 / 33), math.exp(143 / 20)),
            },
        ),
        "short": SlicePerplexity(
            2,
            {
                "forward": _approximately(math.exp(11 / 5), math.exp(11 / 3)),
                "backward": _approximately(math.exp(11 / 5), math.exp(11 / 3)),
            },
        ),
    }


def test_a_backward_model_alone_has_the_unmarked_likelihood(gate, tmp_path):
    model = _write_model(tmp_path / "alone", "negative_log_likelihood", "unused")
    report, _ = gate(directions=("backward",), model=model)
    assert report.overall.perplexity == {"backward": _approximately(math.exp(137 / 38), math.exp(137 / 23))}


def test_thresholds_that_are_met_bless(gate):
    _, blessing = gate(perplexity=58, word_perplexity=810)  # exp(154 / 38) = 57.5, exp(154 / 23) = 808.8
    assert blessing.get_int_custom_property("blessed") == 1


def test_without_thresholds_the_run_goes_on_and_nothing_is_blessed(gate):
    _, blessing = gate()
    assert blessing.get_int_custom_property("blessed") == 0


def test_one_direction_above_the_threshold_stops_the_run(gate):
    with pytest.raises(NotBlessedError) as refusal:
        gate(perplexity=40, word_perplexity=810)  # forward: exp(137 / 38) = 36.8
    assert "reading backward: 57.548 a piece, evaluation.thresholds.perplexity is 40\n" in str(refusal.value)
    assert "forward" not in str(refusal.value)
    assert refusal.value.exit_code == ExitCode.NOT_BLESSED


def test_the_report_is_written_where_the_run_stops(gate, tmp_path):
    with pytest.raises(NotBlessedError, match="a word, evaluation.thresholds.word_perplexity is 2\n"):
        gate(word_perplexity=2)
    report = PerplexityReport.from_json((tmp_path / "evaluation" / REPORT_FILE).read_text())
    assert report.overall.texts == 5


def test_a_model_that_computes_nan_is_refused_and_reported_as_unmeasured(gate, tmp_path):
    with pytest.raises(NotBlessedError, match="reading forward: nan a piece .*computes nan"):
        gate([*TEXTS, Text("long", math.nan, 1.0, 1, 1)], perplexity=1000)
    report = PerplexityReport.from_json((tmp_path / "evaluation" / REPORT_FILE).read_text())
    assert report.overall.perplexity["forward"] == MeasuredPerplexity(None, None)
    assert report.by_length["short"].perplexity["forward"].piece == pytest.approx(math.exp(11 / 5))


def test_texts_without_a_piece_to_predict_meet_no_threshold(gate):
    with pytest.raises(NotBlessedError, match="nan a piece .no text has a piece to predict"):
        gate([Text("short", 0.0, 0.0, 0, 1)], perplexity=1000)


@pytest.mark.parametrize("thresholds", [{}, {"perplexity": 100}])
def test_an_empty_eval_split_is_an_error_of_the_data(gate, thresholds):
    with pytest.raises(DataError, match=r"no texts in its eval split.*corpus\.splits\.eval"):
        gate([], **thresholds)


def test_outputs_that_are_missing_are_named(gate, tmp_path):
    model = _write_model(tmp_path / "forward", "negative_log_likelihood", "unused")
    with pytest.raises(Exception, match="expected negative_log_likelihood_backward and predicted_pieces among them"):
        gate(model=model)


def test_perplexity_beyond_floats_is_infinite():
    assert perplexity(1e6, 1) == math.inf


def test_an_unknown_unit_is_refused():
    with pytest.raises(ValueError, match="per is 'letter', expected one of piece, word"):
        Perplexity("perplexity", per="letter")


def test_report_survives_json():
    measured = {"forward": MeasuredPerplexity(98.1, None), "backward": MeasuredPerplexity(1.5, 2.5)}
    report = PerplexityReport(SlicePerplexity(3, measured), {"1-50": SlicePerplexity(2, measured)})
    assert PerplexityReport.from_json(report.to_json()) == report


def test_no_threshold_means_no_gate():
    config = language_model_eval_config(EvaluationConfig(), ["forward"])
    assert not tfma.metrics.metric_thresholds_from_metrics_specs(config.metrics_specs, eval_config=config)
