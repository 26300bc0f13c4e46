import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.transforms.records.formats import check_header, parse
from ulmfit_tfx.transforms.records.record import Refusal, Row

HEADER = "Sentence #,Word,POS,Tag\n"


def rows_of(content, scheme="bio", **config):
    config = tagged_words(**({"path": "rows", "format": "words_csv"} | config))
    check_header(io.BytesIO(content.encode()), "rows.csv", config)
    return list(parse(io.BytesIO(content.encode()), "rows.csv", config, TaggingConfig(scheme=scheme)))


words = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Z", "Cf"], blacklist_characters="_"), min_size=1)
sentences = st.lists(st.lists(st.tuples(words, st.sampled_from(["O", "B-x"])), min_size=1), max_size=5)


@given(sentences, st.booleans())
def test_reads_what_was_written_with_the_sentence_on_each_row_or_the_first(written, on_each):
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["", "sentence_idx", "token", "pos", "tag"])
    for number, sentence in enumerate(written):
        for place, (word, tag) in enumerate(sentence):
            writer.writerow([place, number if on_each or place == 0 else "", word, "X", tag])
    expected = [tuple(zip(*sentence, strict=True)) for sentence in written]
    assert [(row.words, row.tags) for row in rows_of(file.getvalue())] == expected


def test_kaggles_columns_are_found():
    content = f"{HEADER}Sentence: 1,to,TO,O\n,London,NNP,B-geo\nSentence: 2,Fine,JJ,O\n"
    assert [row.tags for row in rows_of(content)] == [("O", "B-geo"), ("O",)]
    assert [row.tags for row in rows_of(content, "plain", tag_column="POS")] == [("TO", "NNP"), ("JJ",)]
    assert [row.text for row in rows_of(content.replace(",", "\t"), format="words_tsv")] == ["to London", "Fine"]


@pytest.mark.parametrize("field", ["sentence_column", "word_column", "tag_column"])
def test_column_that_is_not_found_is_asked_about_and_the_hint_leads_to_the_rows(field):
    names = {"sentence_column": "sentence", "word_column": "word", "tag_column": "tag"} | {field: "odd"}
    content = f"{','.join(names.values())}\n1,London,B-x\n"
    with pytest.raises(DataError, match=f"Set data.{field} to it"):
        rows_of(content)
    assert rows_of(content, **{field: "odd"}) == [Row("London", words=("London",), tags=("B-x",))]


def test_column_that_is_set_and_not_there_is_an_error():
    with pytest.raises(DataError, match="there is no column 'tok'"):
        rows_of(f"{HEADER}1,a,X,O\n", word_column="tok")


def test_row_that_cannot_be_read_costs_the_sentence_on_either_side():
    content = f"{HEADER}1,a,X,O\n1,b,X,O\n2,c,X\n2,d,X,O\n3,e,X,O\n"
    first, second, row = rows_of(content)
    assert [(each.line, each.reason) for each in (first, second)] == [
        (2, "wrong number of columns"),
        (5, "wrong number of columns"),
    ]
    assert first.detail == "3, expected 4 (line 4)"
    assert row.words == ("e",)


def test_row_that_cannot_be_read_inside_of_a_sentence_costs_that_one():
    content = f"{HEADER}1,a,X,O\n,b,X\n,c,X,O\n2,d,X,O\n"
    refusal, row = rows_of(content)
    assert isinstance(refusal, Refusal)
    assert row.words == ("d",)


def test_bad_tag_and_empty_word_cost_their_sentence():
    content = f"{HEADER}1,a,X,NOUN\n2,,X,O\n3,b,X,O\n"
    assert [getattr(record, "reason", None) for record in rows_of(content)] == ["not a bio tag", "empty word", None]


def test_word_that_is_a_space_is_left_out():
    (row,) = rows_of(f"{HEADER}1,a,X,O\n1, ,X,O\n1,b,X,O\n")
    assert row.words == ("a", "b")


def test_sentence_that_never_ends_is_refused_in_bounded_memory():
    (refusal,) = rows_of(HEADER + "1,word,X,O\n" * 100, max_row_bytes=100)
    assert (refusal.line, refusal.reason) == (2, "row too long")
    assert "'1' goes on and on" in refusal.detail


def test_file_with_a_header_alone_has_no_rows():
    assert rows_of(HEADER) == []
