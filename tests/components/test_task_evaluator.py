"""What is blessed, alone and beside a model in service, by real evaluations of models that read their answers."""

import dataclasses

import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from model_infos import write_info
from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.types import standard_component_specs as standard
from tfx.utils import json_utils, proto_utils

from ulmfit_tfx.components.perplexity_gate.component import PerplexityGate
from ulmfit_tfx.components.task_evaluator.component import TaskEvaluator
from ulmfit_tfx.components.task_evaluator.executor import Executor
from ulmfit_tfx.schemas.beam_arguments import IN_PROCESS, unstaged
from ulmfit_tfx.schemas.code_version import code_version
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.tasks import labelled_task

ROWS = {"path": "rows.tsv", "format": "tsv"}
TAGGED = {"path": "rows.conll", "format": "conll"}


class ModelThatReadsItsAnswers(tf.Module):
    """A text holds the answers of two models, the candidate's first, with | between them. This one gives one of them.

    `names` are the classes, or the targets, whose numbers an answer lists in their order; of a tagger its tags.
    """

    def __init__(self, task, names, answer):
        super().__init__()
        self.task, self.names, self.answer = task, names, answer

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples):
        texts = tf.io.parse_example(examples, {"text": tf.io.FixedLenFeature([], tf.string)})["text"]
        answers = tf.strings.split(tf.strings.split(texts, "|").to_tensor(shape=[None, 2])[:, self.answer])
        if self.task == "tagging":
            return {"tags": answers.to_tensor(default_value=""), "word_counts": answers.row_lengths()[:, None]}
        numbers = tf.strings.to_number(answers.to_tensor(shape=[None, len(self.names)], default_value="0"))
        names = tf.tile([self.names], [tf.shape(texts)[0], 1])
        if self.task == "regression":
            return {"scores": numbers, "all_targets": names}
        return {"probabilities": numbers, "all_classes": names}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the evaluation did.

    Attributes:
        values: By slice, `label=a` or "" for all rows, and name; a difference from the baseline under `NAME_change`.
        blessed: 1 where the model is.
        dropped: Why the model in service is not compared with.
    """

    values: dict[str, dict[str, float]]
    blessed: int
    dropped: str


def model_of(folder, task, names=(), details=None, answer=0):
    """A `Model` artifact."""
    module = ModelThatReadsItsAnswers(task, list(names), answer)
    saved_model = folder / "Format-Serving"
    tf.saved_model.save(module, str(saved_model), signatures={"serving_examples": module.serve})
    write_info(saved_model, task, names if task != "regression" else [], details)
    return no_model(folder)


def no_model(folder):
    """A `Model` artifact without files."""
    artifact = standard_artifacts.Model()
    artifact.uri = str(folder)
    return artifact


def _write_examples(folder, rows):
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder)
    artifact.split_names = artifact_utils.encode_split_names(["eval"])
    examples_utils.set_payload_format(artifact, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(artifact, "tfrecords_gzip")
    split = folder / "Split-eval"
    split.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(split / "data_tfrecord-0.gz"), options="GZIP") as writer:
        for row in rows:
            example = tf.train.Example()
            for name, values in ({"length_bucket": ["1-50"]} | row).items():
                feature = example.features.feature[name]
                if name == "targets":
                    feature.float_list.value.extend(values)
                else:
                    feature.bytes_list.value.extend(value.encode() for value in values)
            writer.write(example.SerializeToString())
    return artifact


@pytest.fixture(scope="module")
def evaluate(tmp_path_factory):
    """Evaluates a model on rows, features by name, with the sections of a configuration."""

    def run(rows, candidate, baseline=None, **sections):
        folder = tmp_path_factory.mktemp("evaluation")
        pipeline = PipelineConfig(name="rows", **sections)
        config = labelled_task(pipeline.task).eval_config(pipeline)
        evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
        evaluation.uri, blessing.uri = str(folder / "evaluation"), str(folder / "blessing")
        inputs = {
            standard.EXAMPLES_KEY: [_write_examples(folder / "examples", rows)],
            standard.MODEL_KEY: [candidate],
        } | ({standard.BASELINE_MODEL_KEY: [baseline]} if baseline else {})
        properties = {
            standard.EVAL_CONFIG_KEY: proto_utils.proto_to_json(config),
            standard.EXAMPLE_SPLITS_KEY: json_utils.dumps(["eval"]),
        }
        context = BaseBeamExecutor.Context(
            beam_pipeline_args=unstaged(IN_PROCESS), tmp_dir=str(folder / "tmp"), unique_id="1"
        )
        outputs = {standard.EVALUATION_KEY: [evaluation], standard.BLESSING_KEY: [blessing]}
        Executor(context).Do(inputs, outputs, properties)
        return Outcome(
            _values(evaluation.uri),
            blessing.get_int_custom_property("blessed"),
            evaluation.get_string_custom_property("baseline_dropped"),
        )

    return run


def _values(folder):
    values = {}
    for metrics in tfma.load_metrics(folder):
        key = ",".join(f"{part.column}={part.bytes_value.decode()}" for part in metrics.slice_key.single_slice_keys)
        values[key] = {
            item.key.name + ("_change" if item.key.is_diff else ""): item.value.double_value.value
            for item in metrics.metric_keys_and_values
            if item.key.model_name in ("", "candidate")
        }
    return values


MOODS = [
    # Right are 7 of the candidate and 8 of the baseline, whose classes stand in the other order.
    *[{"text": ["0.8 0.2|0.1 0.9"], "label": ["bad"], "slice_source": ["web"]}] * 5,
    *[{"text": ["0.3 0.7|0.6 0.4"], "label": ["good"], "slice_source": ["web"]}] * 2,
    {"text": ["0.6 0.4|0.9 0.1"], "label": ["good"], "slice_source": ["mail"]},
    *[{"text": ["0.9 0.1|0.2 0.8"], "label": ["good"], "slice_source": ["mail"]}] * 2,
]


@pytest.fixture(scope="module")
def moods(evaluate, tmp_path_factory):
    """Evaluates a classifier of moods; `classes` are those of the model in service, None for no such."""
    candidate = model_of(tmp_path_factory.mktemp("candidate"), "classification", ("bad", "good"))
    served = {
        classes: model_of(tmp_path_factory.mktemp("served"), "classification", classes, answer=1)
        for classes in [("good", "bad"), ("good", "ugly")]
    } | {None: no_model(tmp_path_factory.mktemp("nothing"))}

    def run(classes, **evaluation):
        data = ROWS | {"slice_columns": ["source"]}
        return evaluate(MOODS, candidate, served[classes], data=data, evaluation=evaluation)

    return run


@pytest.fixture(scope="module")
def just_as_good_as_allowed(moods):
    """Of 7 of 10 right, where 8 were and a tenth less is allowed. In floating point 0.7 - 0.8 is below -0.1."""
    return moods(("good", "bad"), thresholds={"accuracy": 0.7}, allowed_drop={"accuracy": 0.1})


def test_model_within_the_allowed_drop_is_blessed(just_as_good_as_allowed):
    assert just_as_good_as_allowed.blessed == 1
    assert just_as_good_as_allowed.dropped == ""


def test_classes_of_the_served_model_may_stand_in_another_order(just_as_good_as_allowed):
    overall = just_as_good_as_allowed.values[""]
    assert overall["accuracy"] == pytest.approx(0.7)
    assert overall["accuracy_change"] == pytest.approx(-0.1)
    # The good texts are above the 5 bad ones where the candidate gives 0.7 or 0.4 and the baseline everywhere.
    assert overall["auc"] == pytest.approx(3 * 5 / 25)
    assert overall["auc_change"] == pytest.approx(3 * 5 / 25 - 1)


def test_slices_are_measured_and_not_held_against_the_bounds(just_as_good_as_allowed):
    accuracy = {name: values["accuracy"] for name, values in just_as_good_as_allowed.values.items()}
    assert accuracy == {
        "": pytest.approx(0.7),
        "length_bucket=1-50": pytest.approx(0.7),
        "label=bad": 1.0,
        "label=good": pytest.approx(0.4),
        "slice_source=web": 1.0,
        "slice_source=mail": 0.0,
    }


def test_model_below_the_allowed_drop_is_not_blessed(moods):
    outcome = moods(("good", "bad"), thresholds={"accuracy": 0.6}, allowed_drop={"accuracy": 0.05})
    assert outcome.blessed == 0


def test_allowed_drop_decides_alone_where_no_threshold_is_set(moods):
    assert moods(("good", "bad"), allowed_drop={"accuracy": 0.2}).blessed == 1


def test_first_model_is_held_against_the_thresholds(moods):
    outcome = moods(None, thresholds={"accuracy": 0.7}, allowed_drop={"accuracy": 0.0})
    assert outcome.blessed == 1
    assert outcome.dropped == ""


def test_first_model_without_thresholds_is_not_blessed(moods):
    assert moods(None, allowed_drop={"accuracy": 1.0}).blessed == 0


def test_served_model_of_other_labels_is_dropped_and_the_thresholds_decide(moods):
    outcome = moods(("good", "ugly"), thresholds={"accuracy": 0.7}, allowed_drop={"accuracy": 0.0})
    assert outcome.dropped == "it has no label 'bad', and the new model does"
    assert outcome.blessed == 1
    assert "accuracy_change" not in outcome.values[""]


@pytest.mark.parametrize(("answer", "blessed"), [(0, 0), (1, 1)], ids=["worse", "better"])
def test_an_error_may_grow_by_the_allowed_drop(evaluate, tmp_path, answer, blessed):
    rows = [{"text": ["1 5|1 4"], "targets": [1.0, 3.0]}, {"text": ["3 2|3 2"], "targets": [2.0, 2.0]}]
    details = {"targets": ["stars", "length"]}
    models = [
        model_of(tmp_path / str(index), "regression", details["targets"], details, index)
        for index in (answer, 1 - answer)
    ]
    data = ROWS | {"target_columns": details["targets"]}
    outcome = evaluate(rows, *models, task="regression", data=data, evaluation={"allowed_drop": {"mae": 0.2}})
    mean_absolute_errors = (0 + 2 + 1 + 0) / 4, (0 + 1 + 1 + 0) / 4
    assert outcome.values[""]["mae"] == pytest.approx(mean_absolute_errors[answer])
    assert outcome.values[""]["mae_change"] == pytest.approx(0.25 if answer == 0 else -0.25)
    assert outcome.blessed == blessed


def test_texts_with_several_labels_or_none(evaluate, tmp_path):
    rows = [
        {"text": ["0.9 0.4 0.1|0.9 0.1 0.1"], "labels": ["fun", "news"]},
        {"text": ["0.1 0.2 0.1|0.5 0.1 0.1"]},
        {"text": ["0.1 0.2 0.8|0.1 0.1 0.8"], "labels": ["sport"]},
    ]
    details = {"label_separator": ","}
    models = [
        model_of(tmp_path / str(index), "classification", ("fun", "news", "sport"), details, index)
        for index in range(2)
    ]
    sections = {"data": ROWS | {"label_separator": ","}, "classification": {"threshold": 0.3}}
    outcome = evaluate(rows, *models, **sections, evaluation={"thresholds": {"micro_f1": 1.0, "auc": 1.0}})
    assert outcome.values[""]["micro_f1"] == 1
    assert outcome.values[""]["micro_f1_change"] == pytest.approx(1 - 2 * 2 / (3 + 3))
    assert outcome.blessed == 1


def test_entities_of_sentences_of_any_length(evaluate, tmp_path):
    rows = [
        {"text": ["B-PER I-PER O B-LOC|B-PER O O B-LOC"], "tags": ["B-PER", "I-PER", "O", "B-LOC"]},
        {"text": ["O B-LOC|O O"], "tags": ["O", "O"]},
    ]
    details = {"scheme": "bio", "tag_separator": None}
    names = ("O", "B-PER", "I-PER", "B-LOC")
    models = [model_of(tmp_path / str(index), "tagging", names, details, index) for index in range(2)]
    outcome = evaluate(rows, *models, task="tagging", data=TAGGED, evaluation={"thresholds": {"entity_recall": 1.0}})
    found = outcome.values[""]
    assert found["accuracy"] == pytest.approx(5 / 6)
    assert (found["entity_precision"], found["entity_recall"]) == (pytest.approx(2 / 3), 1)
    assert found["entity_f1_change"] == pytest.approx(2 * 2 / (3 + 2) - 2 * 1 / (2 + 2))
    assert outcome.blessed == 1


def test_words_with_several_tags_or_none(evaluate, tmp_path):
    # The text cannot hold a word without tags, for it is cut at spaces.
    rows = [{"text": ["A;B C|A C"], "tags": ["A;B", ""]}, {"text": ["B|B"], "tags": ["B"]}]
    details = {"scheme": "plain", "tag_separator": ";"}
    models = [model_of(tmp_path / str(index), "tagging", "ABC", details, index) for index in range(2)]
    tagging = {"scheme": "plain", "tag_separator": ";"}
    outcome = evaluate(rows, *models, task="tagging", data=TAGGED, tagging=tagging)
    assert outcome.values[""]["micro_f1"] == pytest.approx(2 * 3 / (3 + 4))
    assert outcome.values[""]["micro_f1_change"] == pytest.approx(2 * 3 / (3 + 4) - 2 * 2 / (3 + 3))


@pytest.mark.parametrize("component", [TaskEvaluator, PerplexityGate])
def test_edited_code_evaluates_again(component):
    channels = {
        "examples": types.Channel(standard_artifacts.Examples),
        "model": types.Channel(standard_artifacts.Model),
    }
    metric = tfma.MetricConfig(class_name="TagAccuracy", module="ulmfit_tfx.tasks.tagging.metrics")
    config = tfma.EvalConfig(metrics_specs=[tfma.MetricsSpec(metrics=[metric])])
    node = component(**channels, example_splits=["eval"], eval_config=config)
    expected = code_version(component.EXECUTOR_SPEC.executor_class, "ulmfit_tfx.tasks.tagging.metrics")
    assert node.exec_properties["code_version"] == expected
