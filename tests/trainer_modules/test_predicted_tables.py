"""What `predict` takes and the tables that it gives."""

import numpy as np
import pandas as pd
import pytest
from task_model_writer import write_classifier, write_regressor, write_tagger

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.tasks import load_predictor

TEXTS = ["a good film , good cast , bad end", "bad", "good " * 300]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_classifier(folder / "one label")
    write_classifier(folder / "labels", label_separator="|")
    write_regressor(folder / "regressor")
    write_tagger(folder / "tagger")
    return {path.name: load_predictor(path) for path in folder.iterdir()}


def test_classifier_gives_the_label_its_probability_and_that_of_each_class(models):
    model = models["one label"]
    table, answers = model.predict(TEXTS), model.answer(TEXTS)
    assert list(table) == ["label", "probability", *(f"probability_{name}" for name in model.info.labels)]
    assert table["label"].tolist() == [answer.label for answer in answers]
    for (_, row), answer in zip(table.iterrows(), answers, strict=True):
        assert row["probability"] == max(answer.probabilities.values())
        assert {name: row[f"probability_{name}"] for name in answer.probabilities} == answer.probabilities
    assert table["probability"].dtype == "float64"


def test_classifier_with_several_labels_gives_a_tuple_of_them(models):
    model = models["labels"]
    table = model.predict(TEXTS)
    assert list(table) == ["labels", *(f"probability_{name}" for name in model.info.labels)]
    assert table["labels"].tolist() == [answer.labels for answer in model.answer(TEXTS)]


def test_regressor_gives_a_column_a_target(models):
    model = models["regressor"]
    table = model.predict(TEXTS)
    assert list(table) == list(model.info.details.targets)
    assert table.to_dict("records") == [answer.scores for answer in model.answer(TEXTS)]


def test_tagger_gives_words_tags_scores_and_spans_a_text(models):
    text = "Zoë and Łukasz met 12 times"
    table, [answer] = models["tagger"].predict([text]), models["tagger"].answer([text])
    assert list(table) == ["words", "tags", "scores", "spans"]
    [row] = table.to_dict("records")
    assert row["words"] == text.split()
    assert row["tags"] == [word.tag for word in answer.words]
    assert row["scores"] == [word.score for word in answer.words]
    assert row["spans"] == list(answer.spans)
    assert len(table.explode(["words", "tags", "scores"])) == 6


def test_tagger_takes_words_that_are_split(models):
    rows = pd.Series([["Zoë", "met"], [], ["Łukasz"]], index=["a", "b", "c"])
    table = models["tagger"].predict_words(rows)
    assert list(table.index) == ["a", "b", "c"]
    assert table["words"].tolist() == rows.tolist()
    pd.testing.assert_frame_equal(table.reset_index(drop=True), models["tagger"].predict_words(rows.tolist()))


@pytest.mark.parametrize(
    "made",
    [list, tuple, iter, np.array, pd.Series, lambda texts: np.array(texts, object)],
    ids=lambda made: made.__name__,
)
def test_texts_come_in_a_row_of_any_kind(models, made):
    pd.testing.assert_frame_equal(models["regressor"].predict(made(TEXTS)), models["regressor"].predict(TEXTS))


def test_table_keeps_the_index_of_a_series(models):
    for index in (["x", "y", "z"], [7, 7, 3], pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)])):
        texts = pd.Series(TEXTS, index=index)
        table = models["one label"].predict(texts)
        pd.testing.assert_index_equal(table.index, texts.index)
        assert table["label"].tolist() == models["one label"].predict(TEXTS)["label"].tolist()


def test_rows_are_in_the_order_of_the_texts_whatever_their_length(models):
    texts = [f"{'bad ' * (number * 37 % 90)}good" for number in range(120)]
    alone = pd.concat([models["one label"].predict([text]) for text in texts], ignore_index=True)
    pd.testing.assert_frame_equal(models["one label"].predict(texts), alone, atol=1e-6)


@pytest.mark.parametrize("name", ["one label", "labels", "regressor", "tagger"])
@pytest.mark.parametrize(
    "nothing", [[], pd.Series([], dtype=object), np.array([], dtype=str)], ids=["list", "series", "array"]
)
def test_no_texts_give_an_empty_table_with_the_columns(models, name, nothing):
    table = models[name].predict(nothing)
    assert len(table) == 0
    assert list(table) == list(models[name].predict(["good"]))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a", None], "text 1 is None, expected a str."),
        (["a", "b", float("nan")], "text 2 is nan, expected a str."),
        ([3], "text 0 is 3, expected a str."),
        ([b"a"], "text 0 is b'a', expected a str."),
        (pd.Series(["a", None], index=["x", "y"]), "text 1 (index 'y') is None, expected a str."),
        (["\ud800"], "text 0 holds half of a character"),
        ("a text", "expected several texts, such as a list, got one: ['a text'] is a list of it."),
        (pd.DataFrame({"text": ["a"]}), "expected a column of texts, got a DataFrame with the columns text."),
        (np.array([["a"]]), "expected a row of texts, got an array of shape (1, 1)."),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_text_is_an_error_that_says_where(models, texts, expected):
    with pytest.raises(DataError) as error:
        models["one label"].predict(texts)
    assert expected in str(error.value)
