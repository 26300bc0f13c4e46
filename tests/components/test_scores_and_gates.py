import pytest
import tensorflow_model_analysis as tfma
from tfx.types import standard_artifacts

from ulmfit_tfx.components.class_evaluator.executor import with_class_ids
from ulmfit_tfx.components.held_out_scorer import executor
from ulmfit_tfx.components.held_out_scorer.scores import (
    Accuracy,
    HeldOutReport,
    majority_baseline,
    tfidf_baseline,
)
from ulmfit_tfx.pipeline.eval_config import classification_eval_config
from ulmfit_tfx.schemas.config import EvaluationConfig, ThresholdsConfig


def test_interval_is_wilsons():
    accuracy = Accuracy.of(["a"] * 80 + ["b"] * 20, ["a"] * 100)
    # Wilson 1927 for 80 of 100 at 95 %: centre (p + z²/2n) / (1 + z²/n), z = 1.96.
    assert (accuracy.value, accuracy.low, accuracy.high) == pytest.approx((0.8, 0.7112, 0.8666), abs=1e-4)


def test_majority_is_that_of_training():
    assert majority_baseline(["b", "a", "b"], 2) == ["b", "b"]


def test_tfidf_learns_what_words_tell():
    texts = ["great fun", "great joy", "dull bore", "dull waste"] * 5
    labels = ["good", "good", "bad", "bad"] * 5
    assert tfidf_baseline(texts, labels, ["great", "dull"], seed=0) == ["good", "bad"]


def test_tfidf_of_a_script_without_spaces_counts_characters():
    texts = ["很好看的电影", "好看极了", "真好看啊", "难看的电影", "太难看了", "真难看啊"]
    labels = ["good"] * 3 + ["bad"] * 3
    assert tfidf_baseline(texts, labels, ["好看", "难看"], seed=0) == ["good", "bad"]


def test_tfidf_of_texts_without_terms_is_none():
    assert tfidf_baseline(["  ", " "], ["a", "b"], [" "], seed=0) is None


def test_report_survives_json():
    report = HeldOutReport(3, *(Accuracy(0.5 + step / 10, 0.1, 0.9) for step in range(3)))
    assert HeldOutReport.from_json(report.to_json()) == report


def test_report_tells_no_comparison_from_one_that_was_lost():
    scores = [Accuracy(0.5, 0.1, 0.9)] * 3
    assert HeldOutReport.from_json(HeldOutReport(3, *scores).to_json()).from_scratch is None
    lost = HeldOutReport(3, *scores, from_scratch=Accuracy(0.0, 0.0, 0.4))
    assert HeldOutReport.from_json(lost.to_json()).from_scratch == Accuracy(0.0, 0.0, 0.4)


@pytest.mark.parametrize(("from_scratch", "expected"), [(None, None), (["b", "b", "b"], 1 / 3)])
def test_scorer_scores_the_model_without_pretraining_on_the_same_rows(tmp_path, monkeypatch, from_scratch, expected):
    answers = {"pretrained": ["a", "b", "b"], "fresh": from_scratch}
    split = {"train": (["xx", "y"] * 3, ["a", "b"] * 3), "test": (["x", "yy", "z z"], ["a", "b", "a"])}
    monkeypatch.setattr(executor, "labelled_texts", lambda examples, name: split[name])
    monkeypatch.setattr(executor, "_predict", lambda model, texts: answers[model[0].uri])

    def model(uri):
        artifact = standard_artifacts.Model()
        artifact.uri = uri
        return [artifact]

    report = standard_artifacts.ModelEvaluation()
    report.uri = str(tmp_path)
    inputs = {"examples": [standard_artifacts.Examples()], "model": model("pretrained")}
    inputs |= {"model_from_scratch": model("fresh")} if from_scratch else {}
    executor.Executor().Do(inputs, {"report": [report]}, {"seed": 0})
    found = HeldOutReport.from_json((tmp_path / "held_out.json").read_text())
    assert found.model.value == pytest.approx(2 / 3)
    assert (found.from_scratch and found.from_scratch.value) == (expected and pytest.approx(expected))


@pytest.mark.parametrize(("present", "expected"), [([0, 1], [1]), ([0, 2, 3], [0, 2, 3])])
def test_auc_is_taken_over_the_classes_that_occur(present, expected):
    config = with_class_ids(classification_eval_config(EvaluationConfig()), present)
    (binarized,) = [spec for spec in config.metrics_specs if spec.HasField("binarize")]
    assert list(binarized.binarize.class_ids.values) == expected
    assert dict(binarized.aggregate.class_weights) == dict.fromkeys(expected, 1.0)


def test_class_ids_that_are_given_stay():
    config = tfma.EvalConfig(metrics_specs=[tfma.MetricsSpec()])
    config.metrics_specs[0].binarize.class_ids.values.append(2)
    assert list(with_class_ids(config, range(5)).metrics_specs[0].binarize.class_ids.values) == [2]


def test_thresholds_become_lower_bounds_on_all_rows_together_and_none_means_no_gate():
    config = classification_eval_config(EvaluationConfig(thresholds=ThresholdsConfig(accuracy=0.7)))
    metrics = {metric.class_name: metric for spec in config.metrics_specs for metric in spec.metrics}
    accuracy = metrics["SparseCategoricalAccuracy"]
    (bound,) = accuracy.per_slice_thresholds
    assert bound.threshold.value_threshold.lower_bound.value == pytest.approx(0.7)
    assert [spec.feature_keys for spec in bound.slicing_specs] == [[]]
    assert not accuracy.HasField("threshold")
    assert not metrics["AUC"].per_slice_thresholds
