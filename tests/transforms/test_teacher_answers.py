"""Probabilities of a teacher, read from files of any way to write them."""

import csv
import io
import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config.sources.taught_texts import TaughtTextsConfig
from ulmfit_tfx.transforms.records.formats import parse
from ulmfit_tfx.transforms.records.record import Refusal, Row

PLACES = {"bad": 0, "good": 1, "plain": 2}


def read(text, format="jsonl", classes=PLACES, **fields):
    config = TaughtTextsConfig(path="taught", format=format, **fields)
    return list(parse(io.BytesIO(text.encode()), "taught", config, classes=classes))


def read_objects(*probabilities, **fields):
    lines = (json.dumps({"text": "Fine.", "probabilities": values}) for values in probabilities)
    return read("\n".join(lines), **fields)


def table(rows):
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def answer(rows):
    [row] = rows
    assert isinstance(row, Row), row
    return row.teacher_probabilities


def refusal(rows):
    [row] = rows
    assert isinstance(row, Refusal), row
    return row.reason


distributions = st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda numbers: sum(numbers) > 1e-3)


@given(distributions, st.permutations(list(PLACES)))
def test_all_ways_to_write_a_distribution_say_the_same(numbers, names):
    total = math.fsum(numbers)
    by_class = {name: number / total for name, number in zip(PLACES, numbers, strict=True)}
    expected = pytest.approx(tuple(by_class.values()), abs=1e-9)
    shuffled = {name: by_class[name] for name in names}
    assert answer(read_objects(shuffled)) == expected
    assert answer(read_objects([shuffled[name] for name in names], label_order=names)) == expected
    as_cell = table([["text", "probabilities"], ["Fine.", json.dumps(shuffled)]])
    assert answer(read(as_cell, "csv")) == expected
    as_python = table([["text", "probabilities"], ["Fine.", repr(shuffled)]])
    assert answer(read(as_python, "csv")) == expected
    as_columns = table([["text", *names], ["Fine.", *map(repr, shuffled.values())]])
    assert answer(read(as_columns, "csv", probabilities=names)) == expected
    assert answer(read(json.dumps({"text": "Fine.", **shuffled}), probabilities=names)) == expected


@given(st.lists(st.floats(-30, 30), min_size=3, max_size=3))
def test_softmax_of_logits_is_taken(logits):
    by_class = dict(zip(PLACES, logits, strict=True))
    powers = [math.exp(logit) for logit in logits]
    expected = [power / sum(powers) for power in powers]
    assert answer(read_objects(by_class, logits=True)) == pytest.approx(expected, abs=1e-9)


@given(st.dictionaries(st.sampled_from([*PLACES, "unheard-of"]), st.floats(allow_nan=False) | st.none()))
@example({"good": 1.0, "bad": -0.0})
@example({"good": 0.9995})
@example({"good": 1.0, "unheard-of": 0.0})
@example({"good": 1.0, "unheard-of": None})
@example({"good": 1e308, "bad": 1e308})
def test_what_is_accepted_is_a_distribution_of_what_was_written(given_values):
    numbers = {name: value for name, value in given_values.items() if value is not None}
    [row] = read_objects(given_values)
    fine = numbers and not numbers.pop("unheard-of", 0) and all(0 <= number <= 2 for number in numbers.values())
    if fine and abs(sum(numbers.values()) - 1) <= 1e-3:
        assert isinstance(row, Row)
        assert math.fsum(row.teacher_probabilities) == pytest.approx(1)
        expected = [numbers.get(name, 0) for name in PLACES]
        assert row.teacher_probabilities == pytest.approx(expected, abs=2e-3)
    else:
        assert isinstance(row, Refusal)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ({"good": 0.6, "bad": 0.3}, "probabilities do not sum to 1"),
        ({"good": 1.1, "bad": -0.1}, "negative probability"),
        ({"good": 0.5, "awful": 0.5}, "unknown class"),
        ({"good": "NaN", "bad": 1}, "not a number"),
        ({"good": True}, "not a number"),
        ({}, "no probabilities"),
        (None, "no probabilities"),
        ("good", "no probabilities"),
        ('{{"good": 0.9, "bad": 0.1}}', "no probabilities"),
        ("{[1]: 2}", "no probabilities"),
        ([0.5, 0.5, 0.0], "classes without names"),
    ],
)
def test_malformed_probabilities_are_refused(written, reason):
    assert refusal(read_objects(written)) == reason


def test_list_is_as_long_as_the_order_of_the_classes():
    assert refusal(read_objects([0.5, 0.5], label_order=["good", "bad", "plain"])) == "wrong number of probabilities"


def test_class_given_twice_is_refused():
    line = '{"text": "Fine.", "probabilities": {"good": 0.5, "good": 0.5}}'
    assert refusal(read(line)) == "class given twice"


def test_logits_are_of_all_classes():
    assert refusal(read_objects({"good": 3.5}, logits=True)) == "missing logit"


def test_value_that_data_names_is_the_class():
    assert answer(read_objects({"5": 0.75, "bad": 0.25}, classes=PLACES | {"5": 1})) == (0.25, 0.75, 0)


def test_hard_label_has_its_confidence_and_the_others_share_the_rest():
    rows = table([["text", "label", "sure"], ["Fine.", "good", "0.8"]])
    found = answer(read(rows, "csv", label_column="label", confidence_column="sure"))
    assert found == pytest.approx((0.1, 0.8, 0.1))
    assert answer(read(rows, "csv", label_column="label")) == (0, 1, 0)


@pytest.mark.parametrize(
    ("label", "sure", "reason"),
    [
        ("good", "80", "confidence out of bounds"),
        ("good", "", "not a number"),
        ("", "1", "empty label"),
        ("awful", "1", "unknown class"),
    ],
)
def test_malformed_hard_label_is_refused(label, sure, reason):
    rows = table([["text", "label", "sure"], ["Fine.", label, sure]])
    assert refusal(read(rows, "csv", label_column="label", confidence_column="sure")) == reason


def test_percents_are_told_from_shares():
    rows = table([["text", "label", "sure"], ["Fine.", "good", "80"]])
    [row] = read(rows, "csv", label_column="label", confidence_column="sure")
    assert row.detail == "column 'sure' is 80, expected 0 to 1. Of percents write 0.8"
