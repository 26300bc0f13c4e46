import dataclasses
import json
import math
import re

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
from ulmfit_tfx.components.reports.perplexity import (
    REPORT_FILE,
    MeasuredPerplexity,
    PerplexityReport,
    SlicePerplexity,
)
from ulmfit_tfx.schemas.beam_arguments import IN_PROCESS, unstaged
from ulmfit_tfx.schemas.config.evaluation import EvaluationConfig, ThresholdsConfig
from ulmfit_tfx.schemas.errors import DataError, ExitCode, NotBlessedError, UserError
from ulmfit_tfx.tasks.language_model.metrics import Perplexity, perplexity_eval_config
from ulmfit_tfx.tasks.language_model.scores import perplexity

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
    """A language model of both directions."""
    folder = tmp_path_factory.mktemp("model")
    names = ("negative_log_likelihood", "negative_log_likelihood_backward", "predicted_pieces", "words")
    module = ModelThatReadsItsAnswers(names)
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


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the gate did: the report is None where it wrote none, the error where the run goes on."""

    report: PerplexityReport | None
    blessed: int
    error: UserError | None


@pytest.fixture(scope="module")
def gate(tmp_path_factory, model):
    """Runs the gate on texts, with thresholds."""

    def run(texts=TEXTS, **thresholds):
        folder = tmp_path_factory.mktemp("gate")
        config = perplexity_eval_config(EvaluationConfig(thresholds=ThresholdsConfig(**thresholds)), BOTH)
        evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
        evaluation.uri, blessing.uri = str(folder / "evaluation"), str(folder / "blessing")
        inputs = {standard.EXAMPLES_KEY: [_write_examples(folder, texts)], standard.MODEL_KEY: [model]}
        outputs = {standard.EVALUATION_KEY: [evaluation], standard.BLESSING_KEY: [blessing]}
        properties = {
            standard.EVAL_CONFIG_KEY: proto_utils.proto_to_json(config),
            standard.EXAMPLE_SPLITS_KEY: json_utils.dumps(["eval"]),
        }
        context = BaseBeamExecutor.Context(
            beam_pipeline_args=unstaged(IN_PROCESS), tmp_dir=str(folder / "tmp"), unique_id="1"
        )
        error = None
        try:
            Executor(context).Do(inputs, outputs, properties)
        except UserError as raised:
            error = raised
        file = folder / "evaluation" / REPORT_FILE
        report = PerplexityReport.from_json(file.read_text()) if file.exists() else None
        return Outcome(report, blessing.get_int_custom_property("blessed"), error)

    return run


@pytest.fixture(scope="module")
def without_thresholds(gate):
    """The outcome where none is set."""
    return gate()


@pytest.fixture(scope="module")
def refused(gate):
    """The outcome where the backward model alone, exp(154 / 38) = 57.5, is above a threshold."""
    return gate(perplexity=40, word_perplexity=810)


def _approximately(piece, word):
    return MeasuredPerplexity(pytest.approx(piece, rel=1e-6), pytest.approx(word, rel=1e-6))


def test_perplexity_is_of_the_texts_of_a_slice_together(without_thresholds):
    report = without_thresholds.report
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


def test_without_thresholds_the_run_goes_on_and_nothing_is_blessed(without_thresholds):
    assert without_thresholds.error is None
    assert without_thresholds.blessed == 0


def test_thresholds_that_all_texts_together_meet_bless(gate):
    # The long texts do not: exp(143 / 33) = 76.2. All together: exp(154 / 38) = 57.5, exp(154 / 23) = 808.8.
    outcome = gate(perplexity=58, word_perplexity=810)
    assert outcome.error is None
    assert outcome.blessed == 1


def test_one_direction_above_a_threshold_stops_the_run(refused):
    assert isinstance(refused.error, NotBlessedError)
    assert refused.error.exit_code == ExitCode.NOT_BLESSED
    [(direction, found, threshold)] = re.findall(
        r"reading (\w+): ([\d.]+) a piece, evaluation\.thresholds\.perplexity is (\d+)", str(refused.error)
    )
    assert (direction, float(found), threshold) == ("backward", pytest.approx(math.exp(154 / 38), rel=1e-4), "40")


def test_the_report_is_written_where_the_run_stops(refused, without_thresholds):
    assert refused.report == without_thresholds.report


def test_a_model_that_computes_nan_is_refused_and_reported_as_unmeasured(gate):
    outcome = gate([*TEXTS, Text("long", math.nan, 1.0, 1, 1)], perplexity=1000)
    assert isinstance(outcome.error, NotBlessedError)
    assert "reading forward: nan a piece" in str(outcome.error)
    assert outcome.report.overall.perplexity["forward"] == MeasuredPerplexity(None, None)
    assert outcome.report.by_length["short"].perplexity["forward"].piece == pytest.approx(math.exp(11 / 5))


def test_an_empty_eval_split_is_an_error_of_the_data(gate):
    error = gate([], perplexity=1000).error
    assert isinstance(error, DataError)
    assert "no texts in its eval split" in str(error)


def test_outputs_that_are_missing_are_named():
    (computation,) = Perplexity("perplexity", per="word", likelihood="negative_log_likelihood_backward").computations()
    element = tfma.metrics.StandardMetricInputs(predictions={"words": [3], "negative_log_likelihood": [9.0]})
    with pytest.raises(ValueError, match="are negative_log_likelihood, words, expected negative_log_likelihood_back"):
        computation.combiner.add_input(computation.combiner.create_accumulator(), element)


def test_perplexity_of_nothing_is_nan():
    assert math.isnan(perplexity(0.0, 0))


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
    config = perplexity_eval_config(EvaluationConfig(), ["forward"])
    assert not tfma.metrics.metric_thresholds_from_metrics_specs(config.metrics_specs, eval_config=config)


@pytest.mark.parametrize(
    ("directions", "expected"),
    [
        (["forward"], {"forward": "negative_log_likelihood"}),
        (["backward"], {"backward": "negative_log_likelihood"}),
        (BOTH, {"forward": "negative_log_likelihood", "backward": "negative_log_likelihood_backward"}),
    ],
)
def test_a_backward_model_has_an_output_of_its_own_beside_a_forward_one(directions, expected):
    config = perplexity_eval_config(EvaluationConfig(), directions)
    arguments = [json.loads(metric.config) for metric in config.metrics_specs[0].metrics if metric.config]
    assert {arg["name"]: arg["likelihood"] for arg in arguments} == {
        f"{prefix}perplexity_{direction}": output for direction, output in expected.items() for prefix in ("", "word_")
    }
