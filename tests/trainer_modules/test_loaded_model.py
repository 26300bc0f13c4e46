import json
import random

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from model_infos import model_info, write_info
from task_model_writer import write_classifier, write_regressor, write_tagger

from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.tasks import load_predictor
from ulmfit_tfx.tasks.classification.predictor import Classifier, Prediction
from ulmfit_tfx.tasks.regression.predictor import Regressor
from ulmfit_tfx.tasks.tagging.predictor import Tagger, TagPrediction
from ulmfit_tfx.trainer_modules.serving.length_batches import BATCH, BATCH_CHARACTERS, answer_in_order, length_batches

TEXT = "Zoë and Łukasz met 12 times"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_classifier(folder / "one label")
    write_classifier(folder / "labels", label_separator="|")
    write_regressor(folder / "regressor")
    write_tagger(folder / "tagger")
    return folder


@pytest.fixture(scope="module")
def tagger(models):
    return load_predictor(models / "tagger")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("one label", Classifier), ("labels", Classifier), ("regressor", Regressor), ("tagger", Tagger)],
)
def test_model_is_loaded_as_what_its_information_file_says(models, name, kind):
    assert type(load_predictor(models / name)) is kind


def test_classifier_gives_the_most_probable_class(models):
    [prediction] = load_predictor(models / "one label").answer(["a good film , good cast , bad end"])
    assert prediction == Prediction(
        text="a good film , good cast , bad end",
        label="good",
        probabilities={"bad": pytest.approx(2 / 6), "good": pytest.approx(3 / 6), "plain": pytest.approx(1 / 6)},
        labels=("good",),
    )


@pytest.mark.parametrize(
    ("text", "label", "labels"),
    [
        ("bad plain good plain", "plain|bad|good", ("plain", "bad", "good")),
        ("good", "good", ("good",)),
        ("neither", "", ()),
    ],
)
def test_classifier_of_several_labels_gives_any_number_of_them(models, text, label, labels):
    [prediction] = load_predictor(models / "labels").answer([text])
    assert (prediction.label, prediction.labels) == (label, labels)


def test_regressor_names_its_scores(models):
    [prediction] = load_predictor(models / "regressor").answer(["Zoë"])
    assert prediction.scores == {"characters": 3, "rows": 1, "longest": 3}


def test_offsets_of_words_and_spans_cut_them_out_of_the_text(tagger):
    [prediction] = tagger.answer([TEXT])
    encoded = TEXT.encode()
    assert [word.text for word in prediction.words] == TEXT.split()
    assert [word.tag for word in prediction.words] == ["B-PER", "O", "B-PER", "O", "B-NUM", "O"]
    assert [(span.label, span.text) for span in prediction.spans] == [("PER", "Zoë"), ("PER", "Łukasz"), ("NUM", "12")]
    for part in (*prediction.words, *prediction.spans):
        assert TEXT[part.start_char : part.end_char] == part.text
        assert encoded[part.start_byte : part.end_byte].decode() == part.text
    for span in prediction.spans:
        assert TEXT.split()[span.start_word : span.end_word] == [span.text]
    assert {(word.tag, word.score) for word in prediction.words} == {("B-PER", 0.75), ("B-NUM", 0.75), ("O", 0.875)}


def test_padding_of_a_batch_is_cut(tagger):
    alone = [tagger.answer([text])[0] for text in (TEXT, "", "lower case")]
    assert tagger.answer([TEXT, "", "lower case"]) == alone
    assert alone[1] == TagPrediction("", (), ())


def test_words_already_split_are_tagged_in_the_text_that_spaces_make_of_them(tagger):
    sequences = [["Zoë", "2"], [], TEXT.split()]
    assert tagger.answer_words(sequences) == tagger.answer(["Zoë 2", "", TEXT])
    assert tagger.answer_words([[]]) == tagger.answer([""])


def test_empty_word_is_refused(tagger):
    with pytest.raises(ValueError, match="a word is empty"):
        tagger.answer_words([["a", "", "b"]])


def test_predictions_come_in_the_order_of_the_texts_however_they_are_batched(models):
    rng = random.Random(0)
    texts = ["x" * rng.randint(0, 300) for _ in range(200)]
    scores = [prediction.scores for prediction in load_predictor(models / "regressor").answer(texts)]
    assert [score["characters"] for score in scores] == list(map(len, texts))
    assert max(score["rows"] for score in scores) == BATCH
    by_length = sorted(scores, key=lambda score: score["characters"])
    assert [score["longest"] for score in by_length[:BATCH]] == [by_length[BATCH - 1]["characters"]] * BATCH


def test_very_long_text_shares_its_batch_with_no_other(models):
    texts = ["short", "x" * (BATCH_CHARACTERS - 1), "also short"]
    rows = [prediction.scores["rows"] for prediction in load_predictor(models / "regressor").answer(texts)]
    assert rows == [2, 1, 2]


@given(st.lists(st.integers(0, 2 * BATCH_CHARACTERS), max_size=100))
def test_batches_hold_each_index_once_and_little_enough(lengths):
    batches = list(length_batches(lengths))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert 1 <= len(batch) <= BATCH
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= BATCH_CHARACTERS


def test_nothing_is_asked_where_there_is_nothing():
    assert answer_in_order([], len, pytest.fail) == []


@pytest.mark.parametrize(
    ("task", "is_what"),
    [("encoder", "an encoder without a task head"), ("language_model", "a language model"), (None, "a model that ulm")],
)
def test_model_of_no_task_is_refused_by_what_it_is(tmp_path, task, is_what):
    tf.saved_model.save(tf.Module(), str(tmp_path))
    if task:
        write_info(tmp_path, task)
    with pytest.raises(ConfigError, match=f"is {is_what}.*expected a classifier, a regressor or a tagger"):
        load_predictor(tmp_path)


@pytest.mark.parametrize(
    ("kind", "task", "output"), [(Regressor, "regression", "all_targets"), (Tagger, "tagging", "all_tags")]
)
def test_model_without_the_outputs_of_the_task_is_refused(models, kind, task, output):
    with pytest.raises(ConfigError, match=f"has no signature 'serving_default' with {output}"):
        kind(models / "one label", model_info(task))


def test_information_file_without_details_is_that_of_one_label_a_text(models, tmp_path):
    write_classifier(tmp_path)
    file = tmp_path / "assets.extra" / "ulmfit_tfx.json"
    info = json.loads(file.read_text())
    del info["details"]
    file.write_text(json.dumps(info))
    assert load_predictor(tmp_path).answer(["bad"])[0].labels == ("bad",)
