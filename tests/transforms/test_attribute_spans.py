import io

import pytest

from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.transforms.records.attribute_spans import parse
from ulmfit_tfx.transforms.records.record import Refusal


def rows_of(*rows, header="text\tvalue", scheme="bio", words="punctuation", tag_separator=None, **config):
    config = tagged_words(**({"path": "rows", "format": "spans_tsv", "span_label": "x"} | config))
    stream = io.BytesIO("\n".join([header, *rows]).encode())
    tagging = TaggingConfig(scheme=scheme, words=words, tag_separator=tag_separator)
    return list(parse(stream, "rows.tsv", config, tagging))


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        ("bio", ("O", "B-x", "I-x", "O", "B-x", "O")),
        ("bioes", ("O", "B-x", "E-x", "O", "S-x", "O")),
        ("plain", ("O", "x", "x", "O", "x", "O")),
    ],
)
def test_values_are_marked_by_the_scheme(scheme, tags):
    (row,) = rows_of("To New York, Łódź!\tŁódź*New York", scheme=scheme)
    assert row.words == ("To", "New", "York", ",", "Łódź", "!")
    assert row.tags == tags
    assert row.text == "To New York , Łódź !"


@pytest.mark.parametrize("cell", ["NULL", "", "*", " "])
def test_row_without_a_value_has_no_spans(cell):
    assert rows_of(f"a b\t{cell}")[0].tags == ("O", "O")


def test_names_of_columns_marks_and_separators_are_configured():
    config = {"text_column": "t", "spans_column": "s", "span_separator": ";", "no_span": "-", "span_label_column": "l"}
    rows = rows_of("a b*c d\tb*c;d\tPER", "a\t-\t", header="t\ts\tl", words="whitespace", **config)
    assert [row.tags for row in rows] == [("O", "B-PER", "B-PER"), ("O",)]


def test_whole_word_is_preferred_to_the_first_place_and_part_of_a_word_is_taken():
    assert rows_of("cats and cat\tcat")[0].tags == ("O", "O", "B-x")
    assert rows_of("cats and dogs\tcat")[0].tags == ("B-x", "O", "O")


def test_value_that_occurs_twice_is_marked_as_often_as_it_is_listed():
    assert rows_of("a b a\ta")[0].tags == ("B-x", "O", "O")
    assert rows_of("a b a\ta*a")[0].tags == ("B-x", "O", "B-x")


def test_value_within_another_does_not_take_its_place():
    assert rows_of("York and New York\tYork*New York")[0].tags == ("B-x", "O", "B-x", "I-x")


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        ("a b\tc", "value not in text", "'c' of column 'value', as it stands"),
        ("a b\ta*a", "value not in text", "'a' of column 'value', as often as it is listed"),
        ("\ta", "empty text", "column 'text'"),
        ("a-b\ta*b", "marks overlap", "'x' on 'a-b' and 'x' on 'a-b'. Where a word has several tags"),
        ("one column", "wrong number of columns", "1, expected 2"),
    ],
)
def test_reasons_of_refusal(row, reason, detail):
    (refusal, good) = rows_of(row, "a b\tb", words="whitespace")
    assert isinstance(refusal, Refusal)
    assert (refusal.line, refusal.reason) == (2, reason)
    assert refusal.detail.startswith(detail)
    assert good.tags == ("O", "B-x")


def test_label_that_is_missing_is_refused_where_there_is_a_value():
    (refusal, row) = rows_of("a\ta\t", "a\tNULL\t", header="text\tvalue\tkind", span_label_column="kind")
    assert (refusal.reason, row.tags) == ("empty label", ("O",))


def test_quoted_csv_and_columns_of_splits_and_slices_are_read():
    config = {"format": "spans_csv", "split_column": "part", "slice_columns": ["lang"]}
    (row,) = rows_of('"a, b",b,Dev,pl', header="text,value,part,lang", **config)
    assert (row.words, row.tags, row.split, row.slices) == (
        ("a", ",", "b"),
        ("O", "O", "B-x"),
        "eval",
        (("lang", "pl"),),
    )


def test_column_that_is_missing_is_an_error():
    with pytest.raises(DataError, match=r"rows\.tsv:1: there is no column 'value'.*Did you mean 'valeu'"):
        rows_of(header="text\tvaleu")


def test_row_has_the_key_that_it_shares_its_split_by():
    (row, refusal) = rows_of("a b\tb\td1", "c\tc\t", header="text\tvalue\tdoc", split_key_column="doc")
    assert row.key == "d1"
    assert (refusal.line, refusal.reason) == (3, "empty key")
