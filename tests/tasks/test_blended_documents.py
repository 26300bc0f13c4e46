"""Models with several branches, from transformed examples to a SavedModel that answers."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import r2_score, roc_auc_score
from statistics_of_texts import write_statistics
from task_examples import CONFIG, write_inputs

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.head import HeadConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import UserError
from ulmfit_tfx.tasks import load_predictor, read_model_info
from ulmfit_tfx.tasks.classification import trainer as classifier
from ulmfit_tfx.tasks.regression import trainer as regressor
from ulmfit_tfx.trainer_modules.data.held_out_rows import is_held_out, seen
from ulmfit_tfx.trainer_modules.data.task_rows import TaskRows
from ulmfit_tfx.trainer_modules.optimization.blended_training import chosen_branches
from ulmfit_tfx.trainer_modules.serving.saved_model import read_exported
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.statistics.layout import CorpusStatistics
from ulmfit_tfx.transforms.tokenization import Tokenizer

ALL = ("recurrent", "vectors", "topics", "pieces", "words")
STARS = {"bad": 1.0, "plain": 3.0, "good": 5.0}
SMALL = {"word_buckets": 1024, "character_buckets": 2048}


@pytest.fixture(scope="module")
def tokenizer(spm_model):
    return Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())


@pytest.fixture(scope="module")
def statistics(tmp_path_factory, tokenizer, reviews):
    return write_statistics(tmp_path_factory.mktemp("statistics"), tokenizer, [text for text, _ in reviews])


def train(run_fn, folder, tokenizer, rows, task, data, branches, statistics, base=None):
    config = PipelineConfig.model_validate(
        CONFIG
        | {"training": CONFIG["training"] | {"epochs": 1}}
        | {"task": task, "data": {"path": "rows", "format": "tsv"} | data, "head": {"branches": branches} | SMALL}
    )
    fn_args = write_inputs(folder, tokenizer, config, rows[:160], rows[160:240])
    fn_args.base_model = base
    fn_args.custom_config["corpus_statistics"] = statistics
    run_fn(fn_args)
    return str(folder / "model")


@pytest.fixture(scope="module")
def labelled(reviews):
    return [Row(text, mood) for text, mood in reviews]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tokenizer, labelled, statistics):
    """A classifier with all branches, of which the recurrent one was trained."""
    folder = tmp_path_factory.mktemp("all") / "x"
    return train(classifier.run_fn, folder, tokenizer, labelled, "classification", {}, ALL, statistics)


@pytest.fixture(scope="module")
def frozen(tmp_path_factory, tokenizer, labelled, statistics, trained):
    """One whose encoder is that of the other model."""
    folder = tmp_path_factory.mktemp("frozen") / "x"
    return train(classifier.run_fn, folder, tokenizer, labelled, "classification", {}, ALL, statistics, trained)


def test_embeddings_are_near_the_vectors_that_they_began_at(trained, statistics):
    weights = read_exported(trained).weights
    [found] = [value for path, value in weights.items() if path.endswith("embeddings")]
    vectors = CorpusStatistics.read(statistics).vectors[:, : found.shape[1]]
    assert np.corrcoef(found[:, : vectors.shape[1]].ravel(), vectors.ravel())[0, 1] > 0.8


def accuracy(model, rows):
    predictions = load_predictor(model).answer([row.text for row in rows])
    return np.mean([prediction.label == row.label for prediction, row in zip(predictions, rows, strict=True)])


@pytest.mark.parametrize("kind", ["trained", "frozen"])
def test_classifier_answers_rows_that_it_has_not_seen(kind, request, labelled):
    model = request.getfixturevalue(kind)
    assert accuracy(model, labelled[240:]) > 0.95
    branches = read_model_info(model).branches
    assert [branch.name for branch in branches][-1] == "recurrent"
    assert {branch.name for branch in branches} == set(ALL)
    assert all(branch.weight >= 0 for branch in branches)
    assert sum(branch.weight for branch in branches) > 0.1


def test_text_in_a_batch_is_answered_as_by_itself(trained):
    serve = load_predictor(trained).signatures["serving_default"]
    texts = ["a great film.", "dull", "", "\N{SNOWMAN}", b"\xff\xfe film", "film " * 300]
    together = serve(string_inputs=tf.constant(texts))["probabilities"]
    alone = [serve(string_inputs=tf.constant([text]))["probabilities"][0] for text in texts]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(tf.reduce_sum(together, axis=1), 1, atol=1e-5)
    assert serve(string_inputs=tf.constant([], tf.string))["probabilities"].shape == (0, 3)


def test_tables_are_restored_in_a_session_too(trained):
    texts = ["a great film.", "a dull plot"]
    expected = load_predictor(trained).signatures["serving_default"](string_inputs=tf.constant(texts))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], trained)
        signature = graph.signature_def["serving_default"]
        name = {key: tensor.name for key, tensor in (*signature.inputs.items(), *signature.outputs.items())}
        found = session.run(name["probabilities"], {name["string_inputs"]: texts})
    np.testing.assert_allclose(found, expected["probabilities"], atol=1e-6)


def test_frozen_encoder_is_that_of_the_base_model(trained, frozen):
    before, after = read_exported(trained).weights, read_exported(frozen).weights
    of_encoder = [name for name in after if name in before and "/" in name and "logits" not in name]
    of_encoder = [name for name in of_encoder if not name.startswith(("pieces/", "words/", "characters/", "vectors/"))]
    assert of_encoder
    for name in of_encoder:
        assert np.array_equal(before[name], after[name]), name


def test_numbers_are_predicted(tmp_path, tokenizer, labelled, statistics, trained):
    rows = [Row(row.text, targets=(STARS[row.label], 10 * STARS[row.label])) for row in labelled]
    data = {"target_columns": ["stars", "tens"]}
    branches = ("recurrent", "vectors", "words")
    model = train(regressor.run_fn, tmp_path / "x", tokenizer, rows, "regression", data, branches, statistics, trained)
    answers = load_predictor(model).answer([row.text for row in rows[240:]])
    found = np.array([[answer.scores["stars"], answer.scores["tens"]] for answer in answers])
    assert r2_score([row.targets for row in rows[240:]], found) > 0.8


@pytest.mark.parametrize("is_frozen", [True, pytest.param(False, marks=pytest.mark.thorough)])
def test_likeness_of_two_texts_is_predicted(tmp_path, spm_model, labelled, statistics, trained, is_frozen):
    tokenizer = Tokenizer(spm_model, TokenizerConfig(separator="[SEP]"), CleaningConfig())
    rows = []
    for number, row in enumerate(labelled):
        is_like = number % 2 == 0
        other = " ".join(reversed(row.text.split())) if is_like else labelled[number - 7].text
        rows.append(Row(f"{row.text}[SEP]{other}", targets=(float(is_like),)))
    data, branches = {"target_columns": ["likeness"], "second_text_column": "other"}, ALL
    base = trained if is_frozen else None
    model = train(regressor.run_fn, tmp_path / "x", tokenizer, rows, "regression", data, branches, statistics, base)
    answers = load_predictor(model).answer([row.text for row in rows[240:]])
    assert (
        roc_auc_score([row.targets[0] for row in rows[240:]], [answer.scores["likeness"] for answer in answers]) > 0.8
    )
    assert {branch.name for branch in read_model_info(model).branches} == set(ALL)


def test_several_labels_are_given(tmp_path, tokenizer, labelled, statistics, trained):
    rows = [Row(row.text, labels=() if row.label == "plain" else (row.label, "felt")) for row in labelled]
    data, branches = {"label_separator": "|"}, ("recurrent", "pieces")
    model = train(
        classifier.run_fn, tmp_path / "x", tokenizer, rows, "classification", data, branches, statistics, trained
    )
    answers = load_predictor(model).answer([row.text for row in rows[240:]])
    right = [set(answer.labels) == set(row.labels) for answer, row in zip(answers, rows[240:], strict=True)]
    assert np.mean(right) > 0.85


@pytest.mark.parametrize(
    ("configured", "statistics", "rows", "expected"),
    [
        (None, "x", 50, ALL),
        (None, "x", 49, ("recurrent",)),
        (None, None, 50, ("recurrent", "pieces", "words")),
        (("words", "recurrent"), "x", 3, ("recurrent", "words")),
        (("vectors",), None, 99, ("recurrent",)),
    ],
)
def test_branches_are_those_that_are_asked_for_as_far_as_they_can_be(configured, statistics, rows, expected):
    inputs = SimpleNamespace(head=HeadConfig(branches=configured), statistics=statistics)
    assert chosen_branches(inputs, rows) == expected


def test_branches_that_cannot_be_weighed_are_refused(tmp_path, tokenizer, labelled, statistics):
    rows, branches = [labelled[0]] * 240, ("recurrent", "pieces")  # copies are held out together, or not at all
    with pytest.raises(UserError, match=r"recurrent, pieces are weighed by train rows .* 160 none .* \[recurrent\]"):
        train(classifier.run_fn, tmp_path / "x", tokenizer, rows, "classification", {}, branches, statistics)


def test_about_one_row_in_so_many_is_held_out_and_copies_go_together():
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, 500, rng.integers(1, 30)).astype(np.int32) for _ in range(2000)]
    held_out = [bool(is_held_out(tf.constant(row), 10)) for row in rows]
    assert 130 < sum(held_out) < 270
    twice = tf.ragged.constant([row.tolist() for row in rows[:300] * 2], tf.int32)
    dataset = tf.data.Dataset.from_tensor_slices((twice, tf.range(600))).map(lambda ids, number: (ids, number))
    left = [int(number) for _, number in seen(TaskRows((), lambda: dataset), 10).dataset()]
    assert left == [number for number in range(600) if not held_out[number % 300]]
