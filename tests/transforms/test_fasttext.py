"""fastText's lines: labels and a text."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources import labelled_texts

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.formats import check_header, parse
from ulmfit_tfx.transforms.records.line_ranges import is_splittable
from ulmfit_tfx.transforms.records.record import Refusal, Row

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=5).filter(
    lambda word: not word.startswith("__label__")
)


def source(**config):
    return labelled_texts(path="rows.txt", format="fasttext", **config)


def rows_of(text, **config):
    return list(parse(io.BytesIO(text.encode()), "rows.txt", source(**config)))


@given(st.lists(WORDS, max_size=3, unique=True), st.lists(WORDS, min_size=1, max_size=4), st.integers(0, 4))
def test_labels_and_text_are_those_that_were_written(labels, words, place):
    given = [f"__label__{label}" for label in labels]
    text = " ".join(words)
    row = Row(text.strip(), labels=tuple(labels))
    leading = rows_of(f"{' '.join(given)} {text}\n", label_separator=" ")
    anywhere = rows_of(" ".join([*words[:place], *given, *words[place:]]), label_separator=" ")
    assert [(found.text, set(found.labels)) for found in (*leading, *anywhere)] == [(row.text, set(_nfc(labels)))] * 2


def _nfc(labels):
    from unicodedata import normalize

    return [normalize("NFC", label) for label in labels]


def test_one_label_is_the_class_and_names_are_given_as_to_columns():
    assert rows_of("__label__2 Fine,  really\n\n__label__1 x__label__y\n", label_names={"2": "good"}) == [
        Row("Fine,  really", "good"),
        Row("x__label__y", "1"),
    ]


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        ("no label", "empty label", "there is no __label__NAME"),
        ("__label__ a", "empty label", "there is no name after __label__"),
        ("__label__a", "empty text", "there are labels alone"),
        ("__label__a __label__b text", "several labels", "a, b. Where a row has any number of labels, set label_sep"),
        ("__label__c text", "unknown label", "'c', expected one of a, b"),
    ],
)
def test_line_that_cannot_be_used_is_refused(line, reason, detail):
    (refusal,) = rows_of(f"\n{line}\n", labels=["a", "b"])
    assert isinstance(refusal, Refusal)
    assert (refusal.line, refusal.reason, refusal.row) == (2, reason, line)
    assert refusal.detail.startswith(detail)


def test_hint_about_several_labels_reads_them():
    assert rows_of("__label__a __label__b text", label_separator=" ") == [Row("text", labels=("a", "b"))]


def test_file_without_a_label_at_its_beginning_is_an_error():
    with pytest.raises(DataError, match="none of the first 2 lines has a label such as __label__good"):
        check_header(io.BytesIO(b"text,label\na,b\n"), "rows.txt", source())
    check_header(io.BytesIO(b"a\n__label__a b\n"), "rows.txt", source())


def test_file_is_cut_into_ranges_of_lines():
    assert is_splittable(source())


@pytest.mark.parametrize("field", ["text_column", "label_column", "second_text_column", "split_column"])
@pytest.mark.parametrize("name", ["fasttext", "class_folders"])
def test_column_of_a_format_without_columns_is_refused(name, field):
    with pytest.raises(ValueError, match=f"{field} is set, and format {name} has no use for it"):
        labelled_texts(path="rows", format=name, **{field: "a"})
