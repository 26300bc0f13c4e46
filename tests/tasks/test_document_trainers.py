"""Classifier and regressor, from transformed examples to a SavedModel that answers."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
import tensorflow as tf
from base_encoders import encoder_from
from task_examples import CONFIG, write_inputs

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.tasks import load_predictor, read_model_info
from ulmfit_tfx.tasks.classification import trainer as classifier
from ulmfit_tfx.tasks.regression import trainer as regressor
from ulmfit_tfx.trainer_modules.objectives.smoothed_cross_entropy import SmoothedCrossEntropy
from ulmfit_tfx.trainer_modules.serving.saved_model import read_exported
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.tokenization import Tokenizer

STARS = {"bad": 1.0, "plain": 3.0, "good": 5.0}


@pytest.fixture(scope="module")
def tokenizer(spm_model):
    return Tokenizer(spm_model, TokenizerConfig(separator="[SEP]"), CleaningConfig())


def train(run_fn, folder, tokenizer, rows, task, data, **sections):
    training = CONFIG["training"] | sections.pop("training", {})
    data = {"path": "rows", "format": "tsv"} | data
    config = PipelineConfig.model_validate(CONFIG | {"task": task, "data": data, "training": training} | sections)
    run_fn(write_inputs(folder, tokenizer, config, rows[:160], rows[160:240]))
    return folder / "model"


def negative_log_likelihood(model, rows):
    predictions = load_predictor(model).answer([row.text for row in rows])
    return -np.mean([np.log(p.probabilities[row.label]) for p, row in zip(predictions, rows, strict=True)])


@pytest.fixture(scope="module")
def labelled(reviews):
    return [Row(text, mood) for text, mood in reviews]


@pytest.fixture(scope="module")
def with_errors(labelled):
    """Rows of which some of the eval split have a wrong label: so no certainty is right."""
    wrong = {"bad": "good", "good": "plain", "plain": "bad"}
    return [
        dataclasses.replace(row, label=wrong[row.label]) if number in range(160, 240, 20) else row
        for number, row in enumerate(labelled)
    ]


@pytest.fixture(scope="module")
def classifiers(tmp_path_factory, tokenizer, with_errors):
    """The same classifier with and without calibration: trained once, exported twice."""
    folder = tmp_path_factory.mktemp("classifiers")
    sections = {"classification": {"class_weights": "balanced", "label_smoothing": 0.3}, "training": {"epochs": 8}}
    export, signatures_of = classifier.export_documents, classifier.classifier_signatures
    raw = {}

    def both_signatures(outputs, tokenizer, labels, temperature, several):
        raw["signatures"] = signatures_of(outputs, tokenizer, labels, 1.0, several)
        return signatures_of(outputs, tokenizer, labels, temperature, several)

    def export_both(inputs, documents, task, signatures, labels, details, *more):
        export(inputs, documents, task, signatures, labels, details, *more)
        inputs = dataclasses.replace(inputs, serving_folder=str(folder / "raw"))
        export(
            inputs, documents, task, raw["signatures"], labels, details.model_copy(update={"temperature": 1.0}), *more
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classifier, "classifier_signatures", both_signatures)
        patch.setattr(classifier, "export_documents", export_both)
        model = train(classifier.run_fn, folder / "x", tokenizer, with_errors, "classification", {}, **sections)
    return model, folder / "raw"


def test_calibration_lowers_the_loss_on_the_eval_split_and_changes_no_label(classifiers, with_errors):
    calibrated, raw = classifiers
    assert read_model_info(calibrated).details.temperature < 0.9, (
        "smoothing by 0.3 makes a classifier that is too unsure"
    )
    held = with_errors[160:240]
    assert negative_log_likelihood(calibrated, held) < negative_log_likelihood(raw, held) - 0.01
    texts = [row.text for row in with_errors[240:300]]
    labels = [[prediction.label for prediction in load_predictor(model).answer(texts)] for model in classifiers]
    assert labels[0] == labels[1]


def test_text_in_a_padded_batch_is_classified_as_by_itself(classifiers):
    serve = load_predictor(classifiers[0]).signatures["serving_default"]
    texts = ["a great film.", "dull", "", "x [SEP] y", "a superb cast and a dull script! " * 3, "film " * 300]
    together = serve(string_inputs=tf.constant(texts))["probabilities"]
    alone = [serve(string_inputs=tf.constant([text]))["probabilities"][0] for text in texts]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_smoothed_cross_entropy_is_the_one_of_the_paper():
    logits, classes = np.array([[2.0, 0.0, -1.0], [0.5, 0.2, 3.0]], "float32"), np.array([0, 1])
    log_probabilities = logits - np.log(np.exp(logits.astype("float64")).sum(-1, keepdims=True))
    targets = np.full((2, 3), 0.3 / 3)
    targets[[0, 1], classes] += 0.7
    expected = -(targets * log_probabilities).sum(-1).mean()
    assert float(SmoothedCrossEntropy(0.3, 3)(classes, logits)) == pytest.approx(expected, rel=1e-6)
    plain = -log_probabilities[[0, 1], classes].mean()
    assert float(SmoothedCrossEntropy(0.0, 3)(classes, logits)) == pytest.approx(plain, rel=1e-6)


def test_class_that_counts_for_nothing_is_never_found(tmp_path, tokenizer, labelled):
    weights = {"good": 1.0, "bad": 1.0, "plain": 0.0}
    sections = {"classification": {"class_weights": weights}, "training": {"epochs": 6, "calibrate": False}}
    model = train(classifier.run_fn, tmp_path / "x", tokenizer, labelled, "classification", {}, **sections)
    assert read_model_info(model).details.temperature == 1
    found = {prediction.label for prediction in load_predictor(model).answer([row.text for row in labelled[240:]])}
    assert found == {"good", "bad"}


def test_class_weights_have_to_name_the_classes_there_are(tmp_path, tokenizer, labelled):
    for weights, complaint in (({"good": 1, "bad": 1}, "lacks a class: 'plain'"), ({"food": 1}, "names no class")):
        sections = {"classification": {"class_weights": weights}}
        with pytest.raises(DataError, match="class_weights"):
            train(classifier.run_fn, tmp_path / complaint, tokenizer, labelled, "classification", {}, **sections)


@pytest.fixture(scope="module")
def several(tmp_path_factory, tokenizer, labelled):
    """A classifier of texts that have a mood, or two, or none, with its rows."""
    short = [row for row in labelled if len(row.text) < 100]
    rows = [
        Row(f"{one.text} [SEP] {two.text}", labels=tuple({one.label, two.label} - {"plain"}))
        for one, two in itertools.pairwise(short)
    ]
    data = {"label_separator": "|"}
    sections = {"training": {"epochs": 8, "best_by": "micro_f1"}, "classification": {"threshold": 0.4}}
    no_dropout = dict.fromkeys(("embedding", "input", "hidden", "output", "weight"), 0.0)
    sections["encoder"] = CONFIG["encoder"] | {"hidden_sizes": [16], "dropout": no_dropout}
    folder = tmp_path_factory.mktemp("several")
    return train(classifier.run_fn, folder / "x", tokenizer, rows, "classification", data, **sections), rows


def test_several_labels_are_those_from_the_threshold_on_the_most_probable_first(several):
    model, rows = several
    predictions = load_predictor(model).answer([row.text for row in rows])
    for prediction in predictions:
        ranked = sorted(prediction.probabilities.items(), key=lambda item: -item[1])
        assert list(prediction.labels) == [name for name, probability in ranked if probability >= 0.4]
        assert prediction.label == "|".join(prediction.labels)
    right = np.mean([set(p.labels) == set(row.labels) for p, row in zip(predictions, rows, strict=True)])
    assert right > 0.8
    assert any(len(prediction.labels) == 2 for prediction in predictions)


def test_several_labels_through_examples_have_rank_two(several):
    model, rows = several
    text = tf.train.Feature(bytes_list=tf.train.BytesList(value=[rows[0].text.encode()]))
    example = tf.train.Example(features=tf.train.Features(feature={"text": text})).SerializeToString()
    outputs = tf.saved_model.load(str(model)).signatures["serving_examples"](examples=tf.constant([example]))
    assert {name: output.shape.rank for name, output in outputs.items()} == dict.fromkeys(outputs, 2)


@pytest.fixture(scope="module")
def scored(reviews):
    return [Row(text, targets=(STARS[mood], 100 - 10 * STARS[mood])) for text, mood in reviews]


REGRESSION_DATA = {"target_columns": ["stars", "price"]}


@pytest.mark.parametrize(
    ("loss", "normalize", "balance"),
    [
        ("mse", "standard", "off"),
        *(
            pytest.param(*case, marks=pytest.mark.thorough)
            for case in (("mae", "range", "weights"), ("huber", "off", "oversample"))
        ),
    ],
)
def test_numbers_are_predicted_in_their_own_units(tmp_path, tokenizer, scored, loss, normalize, balance):
    rows = [row if normalize != "off" else Row(row.text, targets=(row.targets[0], -row.targets[0])) for row in scored]
    regression = {"loss": loss, "normalize": normalize, "balance": balance}
    sections = {"regression": regression, "training": {"epochs": 10, "max_seq_len": 400}}
    model = train(regressor.run_fn, tmp_path / "x", tokenizer, rows, "regression", REGRESSION_DATA, **sections)
    predictions = load_predictor(model).answer([row.text for row in rows[240:]])
    assert list(predictions[0].scores) == ["stars", "price"]
    expected = np.array([row.targets for row in rows[240:]])
    found = np.array([list(prediction.scores.values()) for prediction in predictions])
    spread = np.abs(expected - expected.mean(axis=0)).mean(axis=0)
    assert (np.abs(found - expected).mean(axis=0) < 0.6 * spread).all()
    history = json.loads((tmp_path / "x" / "model_run" / "history.json").read_text())
    best = history["epochs"][history["best_epoch"] - 1]
    held = load_predictor(model).answer([row.text for row in rows[160:240]])
    errors = [list(p.scores.values()) - np.array(row.targets) for p, row in zip(held, rows[160:240], strict=True)]
    assert np.abs(errors).mean() == pytest.approx(best["eval_mae"], rel=1e-3), "the metric is in the targets' own units"


@pytest.fixture(scope="module")
def bounded(tmp_path_factory, tokenizer, scored):
    """A regressor whose answers have bounds, and which reads backward."""
    folder = tmp_path_factory.mktemp("bounded")
    rows = [Row(row.text, targets=row.targets[:1]) for row in scored]
    sections = {"regression": {"bounds": [1, 5]}, "training": {"epochs": 6}}
    sections["encoder"] = CONFIG["encoder"] | {"direction": "backward"}
    data = {"target_columns": ["stars"]}
    return train(regressor.run_fn, folder / "x", tokenizer, rows, "regression", data, **sections)


def test_bounds_are_kept_whatever_the_text(bounded):
    model = load_predictor(bounded)
    texts = ["superb " * 80, "awful " * 80, "", "film", "Żółć"]
    scores = [prediction.scores["stars"] for prediction in model.answer(texts)]
    assert 1 <= min(scores) < 1.5
    assert 4.5 < max(scores) <= 5
    serve = model.signatures["serving_default"]
    together = serve(string_inputs=tf.constant(texts))["scores"]
    alone = [serve(string_inputs=tf.constant([text]))["scores"][0] for text in texts]
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize(
    ("targets", "regression", "complaint"),
    [
        ([2.0, 2.0], {}, "target 'stars' is 2 in all rows"),
        ([0.0, 6.0], {"bounds": [1, 5]}, r"target 'stars' goes from 0 to 6 .*bounds is \[1.0, 5.0\]"),
    ],
)
def test_targets_that_cannot_be_learned_are_refused(tmp_path, tokenizer, targets, regression, complaint):
    rows = [Row("a film", targets=(target,)) for target in targets] * 120
    data = {"target_columns": ["stars"]}
    with pytest.raises(DataError, match=complaint):
        train(regressor.run_fn, tmp_path / "x", tokenizer, rows, "regression", data, regression=regression)


def test_another_training_starts_from_the_encoder_of_a_regressor(bounded, tokenizer):
    assert read_exported(str(bounded)).directions == ("backward",)
    encoder, config = encoder_from(bounded, tokenizer)
    assert config.direction == "backward"
    exported = read_exported(str(bounded)).weights
    for weight in encoder.weights:
        np.testing.assert_array_equal(weight, exported[weight.path])
