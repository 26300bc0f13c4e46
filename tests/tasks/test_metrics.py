"""Each metric in TFMA runs of two models, by slice, beside `scores`, which has oracles in its own tests."""

import dataclasses
import functools
import json
import math
from collections.abc import Callable

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from apache_beam.internal import pickler
from tensorflow_model_analysis.metrics import metric_types
from tfx_bsl.tfxio import tf_example_record

from ulmfit_tfx.evaluation.catalogue import lower_is_better
from ulmfit_tfx.tasks.classification import metrics as classification
from ulmfit_tfx.tasks.classification.scores import classification_scores, multi_label_scores
from ulmfit_tfx.tasks.regression import metrics as regression
from ulmfit_tfx.tasks.regression.scores import regression_scores
from ulmfit_tfx.tasks.tagging import metrics as tagging
from ulmfit_tfx.tasks.tagging.scores import multi_label_tagging_scores, tagging_scores

CLASSES = ("a", "b", "ż")
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
BUCKETS = ("1-50", "51-200")
MODELS = ("candidate", "baseline")
ROWS = 24
BATCH = 5


@dataclasses.dataclass(frozen=True)
class Case:
    """Rows of a task, the predictions of two models, and the metrics of the task.

    Attributes:
        label_key: Feature with what is expected.
        output: Output with what is predicted.
        expected: By row.
        predicted: By model and row.
        score: From what is expected and predicted to scores.
        metrics: Named as the scores.
    """

    label_key: str
    output: str
    expected: list
    predicted: dict[str, list]
    score: Callable[[list, list], dict[str, float]]
    metrics: list[tfma.metrics.Metric]


def _case(task):
    generator = np.random.default_rng(7)
    lengths = generator.integers(1, 9, size=ROWS)
    lengths[3] = 0  # a sentence without words
    probabilities = {model: list(generator.random((ROWS, len(CLASSES))).astype(np.float32)) for model in MODELS}
    if task == "classification":
        expected = [[str(label)] for label in generator.choice(CLASSES, size=ROWS)]
        return Case(
            "label",
            "probabilities",
            expected,
            probabilities,
            lambda wanted, found: classification_scores([label for (label,) in wanted], found, CLASSES),
            [
                classification.Accuracy(),
                classification.CalibrationError(),
                classification.AreaUnderCurve(),
                classification.MacroF1(),
            ],
        )
    if task == "multi_label":
        expected = [[name for name in CLASSES if generator.random() < 0.4] for _ in range(ROWS)]
        expected[:BATCH] = [[]] * BATCH  # the feature is in no example of a batch
        return Case(
            "labels",
            "probabilities",
            expected,
            probabilities,
            functools.partial(multi_label_scores, classes=CLASSES, threshold=0.6),
            [
                classification.MicroF1(threshold=0.6),
                classification.CalibrationError(several_labels=True),
                classification.AreaUnderCurve(),
                classification.MacroF1(threshold=0.6),
            ],
        )
    if task == "regression":
        grades = generator.integers(1, 6, size=(ROWS, 2)).astype(np.float32)
        return Case(
            "targets",
            "scores",
            list(grades),
            {model: list(grades + generator.normal(1000, 2, size=grades.shape).astype(np.float32)) for model in MODELS},
            regression_scores,
            [
                regression.Pearson(),
                regression.MAE(),
                regression.Spearman(),
                regression.RMSE(),
                regression.OneMinusWMAE(),
            ],
        )
    tags = ["", "x", "y", "x|y"] if task == "multi_label_tagging" else TAGS
    expected, *predicted = (
        [list(map(str, generator.choice(tags, size=length))) for length in lengths] for _ in range(3)
    )
    predicted = dict(zip(MODELS, predicted, strict=True))
    if task == "multi_label_tagging":
        tag_sets = functools.partial(map, lambda tags: [set(filter(None, joined.split("|"))) for joined in tags])
        return Case(
            "tags",
            "tags",
            expected,
            predicted,
            lambda wanted, found: multi_label_tagging_scores(list(tag_sets(wanted)), list(tag_sets(found))),
            [tagging.TagMicroF1(separator="|"), tagging.TagMacroF1(separator="|")],
        )
    return Case(
        "tags",
        "tags",
        expected,
        predicted,
        functools.partial(tagging_scores, scheme="bio"),
        [tagging.TagAccuracy(), *(tagging.EntityScores(measure) for measure in ("precision", "recall", "f1"))],
    )


TASKS = ("classification", "multi_label", "regression", "tagging", "multi_label_tagging")


class ModelThatReadsItsAnswers(tf.Module):
    """Its Examples hold what it answers."""

    def __init__(self, name, output):
        super().__init__()
        self.feature = f"{name}_answer"
        self.output = output

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples):
        if self.output == "tags":
            tags = self._parsed(examples, tf.io.RaggedFeature(tf.string))
            return {"tags": tags.to_tensor(), "word_counts": tf.cast(tags.row_lengths(), tf.int32)[:, tf.newaxis]}
        if self.output == "scores":
            names = tf.repeat(tf.constant([["first", "second"]]), tf.size(examples), axis=0)
            return {"scores": self._parsed(examples, tf.io.FixedLenFeature([2], tf.float32)), "all_targets": names}
        classes = tf.repeat(tf.constant([CLASSES]), tf.size(examples), axis=0)
        probabilities = self._parsed(examples, tf.io.FixedLenFeature([len(CLASSES)], tf.float32))
        return {"probabilities": probabilities, "all_classes": classes}

    def _parsed(self, examples, feature):
        return tf.io.parse_example(examples, {self.feature: feature})[self.feature]


def _bucket(row):
    return BUCKETS[row % 3 // 2]


def _feature(values):
    if any(isinstance(value, str) for value in values):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in values]))
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def _write_examples(case, path):
    with tf.io.TFRecordWriter(path) as writer:
        for row in range(ROWS):
            values = {case.label_key: case.expected[row], "length_bucket": [_bucket(row)]}
            values |= {f"{model}_answer": case.predicted[model][row] for model in MODELS}
            features = {name: _feature(value) for name, value in values.items() if len(value)}
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


def _metric_config(metric):
    arguments = {name: value for name, value in metric.get_config().items() if value is not None}
    return tfma.MetricConfig(
        class_name=type(metric).__name__, module=type(metric).__module__, config=json.dumps(arguments)
    )


def _with_bounds(metric, case, misses_value, misses_change):
    """A config with a bound on the value and one on the change, each on all rows together, by 0.01 met or missed."""
    config = _metric_config(metric)
    threshold = config.per_slice_thresholds.add(slicing_specs=[tfma.SlicingSpec()]).threshold
    candidate, baseline = (case.score(case.expected, case.predicted[model])[metric.name] for model in MODELS)
    sign = -1 if lower_is_better(metric.name) else 1
    value = candidate + sign * (0.01 if misses_value else -0.01)
    bound = threshold.value_threshold.upper_bound if sign < 0 else threshold.value_threshold.lower_bound
    bound.value = value
    threshold.change_threshold.absolute.value = candidate - baseline + sign * (0.01 if misses_change else -0.01)
    threshold.change_threshold.direction = (
        tfma.MetricDirection.LOWER_IS_BETTER if sign < 0 else tfma.MetricDirection.HIGHER_IS_BETTER
    )
    return config


def _run(folder, case, metric_configs, models=MODELS):
    """Runs TFMA, and returns the folder with its results."""
    _write_examples(case, str(folder / "examples"))
    config = tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(
                name=model if len(models) > 1 else "",
                signature_name="serving_examples",
                label_key=case.label_key,
                is_baseline=model == "baseline",
            )
            for model in models
        ],
        slicing_specs=[tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=["length_bucket"])],
        metrics_specs=[tfma.MetricsSpec(metrics=metric_configs)],
    )
    shared = []
    for model, spec in zip(models, config.model_specs, strict=True):
        answers = ModelThatReadsItsAnswers(model, case.output)
        tf.saved_model.save(answers, str(folder / model), signatures={"serving_examples": answers.serve})
        shared.append(tfma.default_eval_shared_model(str(folder / model), eval_config=config, model_name=spec.name))
    source = tf_example_record.TFExampleRecord(
        str(folder / "examples"), raw_record_column_name=tfma.ARROW_INPUT_COLUMN, telemetry_descriptors=["test"]
    )
    with beam.Pipeline() as pipeline:
        _ = (
            pipeline
            | source.BeamSource(batch_size=BATCH)
            | tfma.ExtractEvaluateAndWriteResults(
                eval_shared_model=shared if len(shared) > 1 else shared[0],
                eval_config=config,
                output_path=str(folder / "results"),
            )
        )
    return str(folder / "results")


def _measured(results):
    """Values by slice, model and name."""
    measured = {}
    for of_slice in tfma.load_metrics(results):
        keys = of_slice.slice_key.single_slice_keys
        bucket = keys[0].bytes_value.decode() if keys else None
        for item in of_slice.metric_keys_and_values:
            if not item.key.is_diff:
                measured.setdefault((bucket, item.key.model_name), {})[item.key.name] = item.value.double_value.value
    return measured


def _scored(case, model, bucket=None):
    rows = [row for row in range(ROWS) if bucket in (None, _bucket(row))]
    found = case.score([case.expected[row] for row in rows], [case.predicted[model][row] for row in rows])
    return {metric.name: pytest.approx(found[metric.name], abs=1e-9, rel=1e-9) for metric in case.metrics}


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """A case, and where TFMA's results lie."""

    case: Case
    results: str


@pytest.fixture(scope="module", params=TASKS)
def evaluated(request, tmp_path_factory):
    """Two models, the candidate missing the bound on the first metric's value and that on the second one's change."""
    case = _case(request.param)
    configs = [_with_bounds(metric, case, index == 0, index == 1) for index, metric in enumerate(case.metrics)]
    return Evaluated(case, _run(tmp_path_factory.mktemp(request.param), case, configs))


def test_metrics_are_the_scores_of_each_model_overall_and_by_slice(evaluated):
    assert _measured(evaluated.results) == {
        (bucket, model): _scored(evaluated.case, model, bucket) for bucket in (None, *BUCKETS) for model in MODELS
    }


def test_bounds_on_values_and_on_changes_are_held_against_the_candidate(evaluated):
    validation = tfma.load_validation_result(evaluated.results)
    failures = [failure for of_slice in validation.metric_validations_per_slice for failure in of_slice.failures]
    value, change, *_ = evaluated.case.metrics
    assert not validation.validation_ok
    assert {(failure.metric_key.name, failure.metric_key.is_diff) for failure in failures} == {
        (value.name, False),
        (change.name, True),
    }


@pytest.mark.parametrize("task", ["multi_label", "tagging"])
def test_a_model_alone_that_meets_its_bounds_passes(tmp_path, task):
    case = _case(task)
    configs = [_with_bounds(metric, case, False, False) for metric in case.metrics]
    for config in configs:
        config.per_slice_thresholds[0].threshold.ClearField("change_threshold")
    results = _run(tmp_path, case, configs, models=["candidate"])
    assert tfma.load_validation_result(results).validation_ok
    assert _measured(results)[None, ""] == _scored(case, "candidate")


def _outputs(case, predicted):
    if case.output == "tags":
        padded = [tag.encode() for tag in [*predicted, "", ""]]
        return {"tags": np.array(padded, object), "word_counts": np.array([len(predicted)], np.int32)}
    classes = np.array([name.encode() for name in CLASSES], object)
    return {case.output: np.asarray(predicted), "all_classes": classes}


def _inputs(case, row):
    expected = case.expected[row]
    labels = np.array([value.encode() for value in expected], object) if case.output != "scores" else expected
    return tfma.metrics.StandardMetricInputs(
        labels=labels, predictions=_outputs(case, case.predicted["candidate"][row])
    )


def _combiner(metric):
    (computation,) = metric.computations()
    return pickler.loads(pickler.dumps(computation.combiner))


@pytest.mark.parametrize("task", TASKS)
def test_shards_that_are_merged_measure_what_all_rows_do(task):
    case = _case(task)
    for metric in case.metrics:
        combiner = _combiner(metric)
        shards = [combiner.create_accumulator()]
        for rows in (range(1), range(1, 11), range(11, ROWS), range(0)):
            shard = combiner.create_accumulator()
            for row in rows:
                shard = combiner.add_input(shard, _inputs(case, row))
            shards.append(pickler.loads(pickler.dumps(shard)))
        (value,) = combiner.extract_output(combiner.merge_accumulators(shards)).values()
        assert {metric.name: value} == {metric.name: _scored(case, "candidate")[metric.name]}


@pytest.mark.parametrize("task", TASKS)
def test_metrics_of_no_examples_are_nan(task):
    for metric in _case(task).metrics:
        combiner = _combiner(metric)
        (value,) = combiner.extract_output(combiner.create_accumulator()).values()
        assert math.isnan(value)


def test_correlation_with_a_constant_is_zero():
    for metric in (regression.Pearson(), regression.Spearman()):
        combiner = _combiner(metric)
        accumulator = combiner.create_accumulator()
        for target in (1.0, 2.0, 4.0):
            inputs = tfma.metrics.StandardMetricInputs(
                labels=np.array([target, target]), predictions={"scores": np.array([target, 0.1], np.float32)}
            )
            accumulator = combiner.add_input(accumulator, inputs)
        assert list(combiner.extract_output(accumulator).values()) == [0.0]


@pytest.mark.parametrize(
    ("metric", "labels", "outputs", "message"),
    [
        (tagging.TagAccuracy(), ["O"], {"tags": []}, "outputs are tags, expected word_counts among them"),
        (tagging.TagAccuracy(), ["O"], {"tags": [b"O"] * 2, "word_counts": [2]}, "has 2 predicted tags, .* a word, 1"),
        (regression.Pearson(), [1.0], [1.0], "outputs are a single unnamed output, expected scores"),
        (
            regression.Pearson(),
            [1.0],
            {"scores": [1.0, 2.0]},
            r"expected numbers have shape \[1, 1\], expected \[1, 2\]",
        ),
        (regression.Pearson(), [1.0], {"scores": [math.nan]}, "scores are not finite"),
        (classification.Accuracy(), [], {"all_classes": [b"a"], "probabilities": [1.0]}, "has 0 labels, expected 1"),
    ],
)
def test_what_does_not_fit_is_refused(metric, labels, outputs, message):
    encoded = [label.encode() if isinstance(label, str) else label for label in labels]
    inputs = tfma.metrics.StandardMetricInputs(labels=np.array(encoded), predictions=outputs)
    combiner = _combiner(metric)
    with pytest.raises(ValueError, match=message):
        combiner.add_input(combiner.create_accumulator(), inputs)


def test_an_unknown_measure_is_refused():
    with pytest.raises(ValueError, match="measure is 'accuracy', expected one of precision, recall, f1"):
        tagging.EntityScores("accuracy")


@pytest.mark.parametrize("task", TASKS)
def test_tfma_has_no_metric_of_the_same_name_that_it_would_take_instead(task):
    names = {type(metric).__name__ for metric in _case(task).metrics}
    assert not names & set(metric_types.registered_metrics())
