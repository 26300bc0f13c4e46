"""Which column is the text and which one the label."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.pipeline.tools.init.columns import Wanted, choose
from ulmfit_tfx.pipeline.tools.init.profiles import profiles
from ulmfit_tfx.schemas.errors import ConfigError

ROWS = 60
LONG = [f"a text of some words with number {number} in it" for number in range(ROWS)]
SHORT = [f"title {number} here now" for number in range(ROWS)]


def cycled(*values):
    return list(itertools.islice(itertools.cycle(values), ROWS))


def chosen(wanted=None, **columns):
    names = list(columns)
    rows = [dict(zip(names, map(str, values), strict=True)) for values in zip(*columns.values(), strict=True)]
    return choose(profiles((row, frozenset()) for row in rows), wanted or Wanted(), "rows.csv")


def test_longest_texts_are_the_text_and_few_values_the_label():
    found = chosen(kind=cycled("a", "b", "c"), words=LONG)
    assert (found.text, found.labels, found.task, found.doubts) == ("words", ("kind",), "classification", ())


@pytest.mark.parametrize("name", ["id", "tweet_id", "Unnamed: 0", "uuid"])
def test_ids_are_left_out(name):
    found = chosen(**{name: range(1000, 1000 + ROWS)}, text=LONG, label=cycled("x", "y"))
    assert found.left_out == {name: "an id"}


def test_numbers_without_gaps_are_an_id_whatever_their_name():
    assert chosen(nummer=range(ROWS), text=LONG, label=cycled("x", "y")).left_out == {"nummer": "an id"}


AMOUNTS = {name: [2 + number % (17 + place) / 10 for number in range(ROWS)] for place, name in enumerate("VAD")}


@pytest.mark.parametrize(("before", "after", "best"), [("VAD", "", "V"), ("V", "DA", "D"), ("", "ADV", "A")])
def test_of_several_numbers_the_first_after_the_text_is_taken_and_the_others_are_said(before, after, best):
    columns = {name: AMOUNTS[name] for name in before} | {"text": LONG} | {name: AMOUNTS[name] for name in after}
    found = chosen(**columns)
    assert (found.task, found.labels) == ("regression", (best,))
    assert found.other_numbers == tuple(name for name in before + after if name != best)
    (doubt,) = found.doubts
    assert f"several numbers to learn: {', '.join(before + after)}. '{best}' is taken" in doubt
    options = [word for word in doubt.split() if len(word) == 1 and word in "VAD"]
    assert chosen(Wanted(labels=tuple(options)), **columns).labels == tuple(before + after), "as the doubt says"


@pytest.mark.parametrize("name", ["score", "label", "target"])
def test_number_that_is_called_a_target_goes_before_others(name):
    found = chosen(text=LONG, length=AMOUNTS["V"], **{name: AMOUNTS["A"]})
    assert (found.labels, found.other_numbers, found.doubts) == ((name,), (), ())


@given(st.permutations(["id", "title", "text", "label", "date"]))
def test_order_of_the_columns_does_not_matter(order):
    columns = {
        "id": range(ROWS),
        "title": SHORT,
        "text": LONG,
        "label": cycled("x", "y"),
        "date": cycled("2024-01-01", "2024-01-02"),
    }
    found = chosen(**{name: columns[name] for name in order})
    assert (found.text, found.second_text, found.labels) == ("text", None, ("label",))


@pytest.mark.parametrize(
    ("first", "second"),
    [("text_a", "text_b"), ("premise", "hypothesis"), ("sentence1", "sentence2"), ("question1", "question2")],
)
def test_pair_is_read_in_its_order(first, second):
    longer = [f"{text} and then some more words" for text in LONG]
    found = chosen(label=cycled("0", "1"), **{second: longer, first: LONG})
    assert (found.text, found.second_text) == (first, second)


def test_two_texts_that_are_no_pair_are_a_doubt_and_an_option_decides():
    found = chosen(opening=LONG, closing=[text.upper() for text in LONG], label=cycled("x", "y"))
    assert (found.text, len(found.doubts)) == ("opening", 1)
    assert "--text-column 'closing'" in found.doubts[0]
    assert chosen(Wanted(text="closing"), opening=LONG, closing=LONG, label=cycled("x", "y")).text == "closing"


def test_two_labels_are_a_doubt_and_an_option_decides():
    found = chosen(text=LONG, topic=cycled("x", "y", "z"), sentiment=cycled("p", "n"))
    assert found.labels == ("sentiment",)
    assert "'topic'" in found.doubts[0]
    assert chosen(Wanted(labels=("topic",)), text=LONG, topic=cycled("x", "y"), sentiment=cycled("p", "n")).labels == (
        "topic",
    )


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (cycled(1, 2, 3, 4, 5), "classification"),
        ([number / 7 for number in range(ROWS)], "regression"),
        (cycled(*range(0, 2 * ROWS, 3)), "regression"),
        (cycled("1,234", "2,500", "12"), "regression"),
        (cycled("01", "02"), "classification"),
    ],
)
def test_few_whole_numbers_are_classes_and_others_are_predicted(values, task):
    assert chosen(text=LONG, score=values).task == task


def test_columns_of_noughts_and_ones_are_several_labels():
    found = chosen(id=range(ROWS), text=LONG, toxic=cycled(0, 1), insult=cycled(0, 0, 1), threat=cycled(1, 0, 0, 0))
    assert (found.labels, found.task) == (("toxic", "insult", "threat"), "classification")


def test_one_column_of_noughts_and_ones_is_the_label():
    assert chosen(text=LONG, target=cycled(0, 1)).labels == ("target",)


def test_several_labels_in_a_value_are_cut():
    found = chosen(text=LONG, tags=cycled("sport;news", "news", "music;sport", "music", "news;music", "sport"))
    assert found.label_separator == ";"
    assert chosen(text=LONG, tags=cycled("New York, NY", "Boston, MA")).label_separator is None


def test_text_alone_is_for_a_language_model():
    assert chosen(text=LONG).task == "language_model"
    assert chosen(Wanted(task="language_model"), text=LONG, label=cycled("x", "y")).labels == ()


def test_split_column_is_recognized():
    assert chosen(text=LONG, label=cycled("x", "y"), split=cycled("train", "train", "dev", "test")).split == "split"
    assert chosen(text=LONG, label=cycled("x", "y"), split=cycled("hair", "nail")).split is None


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (Wanted(text="txt"), "--text-column is 'txt', and rows.csv has the columns text, label"),
        (Wanted(labels=("lable",)), "--label-column is 'lable'"),
        (Wanted(task="regression"), "looks like a label. Name it with --label-column"),
    ],
)
def test_what_is_not_there_is_named(wanted, complaint):
    with pytest.raises(ConfigError, match=complaint):
        chosen(wanted, text=LONG, label=cycled("x", "y"))
