"""Classifiers that learn from a teacher, from transformed examples to a SavedModel that answers."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax
from task_examples import CONFIG, write_inputs

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.config.teacher_shares import TeacherShares
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.tasks import load_predictor, read_model_info
from ulmfit_tfx.tasks.classification import trainer as classifier
from ulmfit_tfx.tasks.classification.rows import summed, taught_rows
from ulmfit_tfx.trainer_modules.branches.objectives import Distribution, OneLabel
from ulmfit_tfx.trainer_modules.data.gold_rows import as_trained, repeats
from ulmfit_tfx.trainer_modules.objectives.distillation import DistillationCrossEntropy, agreement
from ulmfit_tfx.trainer_modules.optimization import blended_training
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.tokenization import Tokenizer

CLASSES = ["bad", "good", "plain"]
"""In order of their names, as a teacher's probabilities are."""
LABELS, TAUGHT = 20, 220
TEACHER = {"path": "taught", "format": "jsonl"}


@pytest.fixture(scope="module")
def tokenizer(spm_model):
    return Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())


@pytest.fixture(scope="module")
def labelled(reviews):
    return [Row(text, mood) for text, mood in reviews]


def of_teacher(row, sure=0.9):
    """A row of a teacher that is right."""
    answer = tuple(sure if name == row.label else (1 - sure) / 2 for name in CLASSES)
    return dataclasses.replace(row, label="", teacher_probabilities=answer, is_transfer=True)


def train(folder, tokenizer, rows, evaluation, branches, distillation):
    sections = {"head": {"branches": branches, "word_buckets": 1024, "character_buckets": 2048}}
    if distillation is not None:
        sections["distillation"] = {"data": TEACHER} | distillation
    config = PipelineConfig.model_validate(CONFIG | sections)
    classifier.run_fn(write_inputs(folder, tokenizer, config, rows, evaluation))
    return str(folder / "model")


def right(model, rows):
    answers = load_predictor(model).answer([row.text for row in rows])
    return np.mean([answer.label == row.label for answer, row in zip(answers, rows, strict=True)])


@pytest.fixture(scope="module")
def alone(tmp_path_factory, tokenizer, labelled):
    """The share of test rows that a model of a few labels answers rightly."""
    folder = tmp_path_factory.mktemp("alone") / "x"
    evaluation = labelled[TAUGHT : TAUGHT + 40]
    model = train(folder, tokenizer, labelled[:LABELS], evaluation, ["recurrent"], None)
    return right(model, labelled[TAUGHT + 40 :])


@pytest.mark.parametrize("branches", [["recurrent"], ["recurrent", "words"]])
def test_teacher_makes_a_model_of_few_labels_better(tmp_path, tokenizer, labelled, alone, branches):
    rows = labelled[:LABELS] + [of_teacher(row) for row in labelled[LABELS:TAUGHT]]
    taught = train(tmp_path / "x", tokenizer, rows, labelled[TAUGHT : TAUGHT + 40], branches, {})
    assert right(taught, labelled[TAUGHT + 40 :]) > alone + 0.1
    if len(branches) > 1:
        assert {branch.name for branch in read_model_info(taught).branches} == {*branches}


def write(folder, tokenizer, rows, name):
    folder.mkdir()
    config = PipelineConfig.model_validate(CONFIG | {"distillation": {"data": TEACHER}})
    [file] = write_inputs(folder / name, tokenizer, config, rows, rows).train_files
    return file


def targets(rows):
    return np.stack([target for _, target, *_ in rows.dataset().as_numpy_iterator()])


def test_label_and_teacher_share_a_row(tmp_path, tokenizer):
    both = Row("a", label="good", teacher_probabilities=(0.25, 0.5, 0.25))
    rows = [Row("b", label="good"), both, of_teacher(Row("c", label="plain"), sure=0.8)]
    file = write(tmp_path / "x", tokenizer, rows, "y")
    vocabulary = ["good", "plain", "bad"]
    read = taught_rows([file], vocabulary, TeacherShares(gold_share=0.5, gold_rows=0, temperature=1.0))
    np.testing.assert_allclose(
        targets(read),
        [[[1, 0, 0], [0, 0, 0]], [[0.5, 0, 0], [0.25, 0.125, 0.125]], [[0, 0, 0], [0.1, 0.8, 0.1]]],
        atol=1e-6,
    )
    np.testing.assert_allclose(targets(summed(read)).sum(axis=1), 1, atol=1e-6)
    assert [bool(mark) for mark, _ in read.own().as_numpy_iterator()] == [True, True, False]
    softened = taught_rows([file], vocabulary, TeacherShares(gold_share=0.5, gold_rows=0, temperature=2.0))
    powers = np.sqrt([0.1, 0.8, 0.1])
    np.testing.assert_allclose(targets(softened)[2, 1], powers / powers.sum(), atol=1e-6)


def test_gold_rows_are_repeated_to_their_share_and_none_of_a_teachers_is_held_out(tmp_path, tokenizer):
    gold = [Row(f"gold {number}", label=CLASSES[number % 3]) for number in range(12)]
    others = [of_teacher(Row(f"other {number}", label="good")) for number in range(216)]
    file = write(tmp_path / "x", tokenizer, gold + others, "y")
    assert repeats([file], 0.1) == 2
    read = taught_rows([file], CLASSES, TeacherShares(gold_share=0.5, gold_rows=0.1, temperature=1.0))
    of_gold = targets(as_trained(read))[:, 0].any(axis=1)
    assert (of_gold.sum(), (~of_gold).sum()) == (24, 216)
    of_gold = targets(as_trained(read, one_in=3))[:, 0].any(axis=1)
    assert of_gold.sum() < 24
    assert (~of_gold).sum() == 216


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_loss_is_that_of_the_paper(temperature):
    rng = np.random.default_rng(1)
    logits, gold = rng.normal(size=(4, 3)) * 2, np.eye(3)[[0, 1, 2, 1]]
    teacher, share = softmax(rng.normal(size=(4, 3)), axis=1), np.array([[1.0], [0.5], [0.0], [0.5]])
    expected = -np.sum(share * gold * log_softmax(logits, axis=1), axis=1) - temperature**2 * np.sum(
        (1 - share) * teacher * log_softmax(logits / temperature, axis=1), axis=1
    )
    given = tf.constant(np.stack([share * gold, (1 - share) * teacher], axis=1), tf.float32)
    found = DistillationCrossEntropy(temperature).call(given, tf.constant(logits, tf.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    likeliest = (share * gold + (1 - share) * teacher).argmax(axis=1) == logits.argmax(axis=1)
    np.testing.assert_array_equal(agreement(given, tf.constant(logits, tf.float32)), likeliest)


def test_linear_model_of_certain_distributions_is_that_of_their_classes():
    rng = np.random.default_rng(2)
    features, labels = rng.normal(size=(60, 5)), rng.integers(0, 3, 60)
    of_classes = OneLabel(3).fit(features, labels, None, 1.0)
    of_distributions = Distribution(3).fit(features, np.eye(3)[labels], None, 1.0)
    np.testing.assert_allclose(of_distributions.weights, of_classes.weights, atol=1e-3)


def test_row_whose_classes_are_all_improbable_counts():
    features, targets = np.eye(150), np.full((150, 150), 1 / 150)
    targets[:75] = np.eye(150)[:75]
    found = Distribution(150).fit(features, targets, None, 1.0)
    assert np.isfinite(found(features)).all()


def test_sample_of_many_rows_keeps_the_share_of_labelled_ones(tmp_path, tokenizer, monkeypatch):
    gold = [Row(f"gold {number}", label=CLASSES[number % 3]) for number in range(30)]
    others = [of_teacher(Row(f"other {number}", label="good")) for number in range(600)]
    file = write(tmp_path / "x", tokenizer, gold + others, "y")
    rows = taught_rows([file], CLASSES, TeacherShares(gold_share=0.5, gold_rows=0.25, temperature=1.0))
    monkeypatch.setattr(blended_training, "MOST_ROWS", 90)
    read = blended_training._read(summed(rows), np.arange(630) < 30, one_in=5, seed=1)
    assert (len(read.texts), read.gold.sum(), len(read.own)) == (90, 30, 90)
    assert read.weights[read.gold].sum() / read.weights.sum() == pytest.approx(1 / 3)  # each counts once at least
    monkeypatch.setattr(blended_training, "MOST_ROWS", 330)
    read = blended_training._read(summed(rows), np.arange(630) < 30, one_in=5, seed=1)
    assert read.weights[read.gold].sum() / read.weights.sum() == pytest.approx(0.25, abs=0.01)
    monkeypatch.setattr(blended_training, "MOST_ROWS", 40)
    read = blended_training._read(summed(rows), np.arange(630) < 30, one_in=5, seed=1)
    assert (read.gold.sum(), (~read.gold).sum()) == (20, 20)


@pytest.mark.parametrize("classes", [2, 3])
def test_linear_model_of_distributions_finds_the_least_loss(classes):
    rng = np.random.default_rng(3)
    features = rng.normal(size=(400, 4))
    expected = softmax(features @ rng.normal(size=(4, classes)), axis=1)
    objective = Distribution(classes)
    found = objective.fit(features, expected, None, 1e4)(features)
    np.testing.assert_allclose(softmax(found, axis=1), expected, atol=0.02)
    residuals = objective.residuals(found, expected)
    np.testing.assert_allclose(residuals.mean(axis=0), 0, atol=1e-3)
