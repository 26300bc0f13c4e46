import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.transforms.records.conll import parse, parse_texts
from ulmfit_tfx.transforms.records.record import Refusal, Row


def rows_of(content: str | bytes, scheme="bio", tag_separator=None, **config):
    config = tagged_words(**({"path": "rows", "format": "conll"} | config))
    stream = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    return list(parse(stream, "rows.conll", config, TaggingConfig(scheme=scheme, tag_separator=tag_separator)))


def texts_of(content: str | bytes, **config):
    config = text_source(path="rows", format="conll", **config)
    stream = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    return list(parse_texts(stream, "rows.conll", config))


def iob2(tags):
    """BIO in which each span begins with B-, written out as a loop."""
    found, before = [], "O"
    for tag in tags:
        is_begin = tag.startswith("I-") and before[2:] != tag[2:]
        found.append(f"B-{tag[2:]}" if is_begin else tag)
        before = tag
    return found


def sentence(*pairs):
    words, tags = zip(*pairs, strict=True)
    return Row(" ".join(words), words=words, tags=tags)


words = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Z", "Cf"], blacklist_characters="#_"), min_size=1)
sentences = st.lists(
    st.lists(st.tuples(words, st.sampled_from(["O", "B-x", "I-x", "B-y", "I-y"])), min_size=1), max_size=5
)


@given(sentences, st.sampled_from(["\t", " ", "   "]), st.integers(1, 3))
def test_reads_what_was_written(rows, between, blank_lines):
    content = ("\n" * blank_lines).join(
        "".join(f"{word}{between}x{between}{tag}\n" for word, tag in sentence_of) for sentence_of in rows
    )
    expected = [zip([word for word, _ in row], iob2([tag for _, tag in row]), strict=True) for row in rows]
    assert rows_of(content) == [sentence(*row) for row in expected]


def test_columns_are_counted_from_either_end():
    content = "0\tBen\tB-PER\n1\tFayot\tI-PER\n"
    expected = [sentence(("Ben", "B-PER"), ("Fayot", "I-PER"))]
    assert rows_of(content, word_column=1) == rows_of(content, word_column=1, tag_column=2) == expected


def test_word_keeps_its_spaces_between_tabs_and_its_no_break_space_between_spaces():
    assert rows_of("New York\tB-x\n")[0].words == ("New York",)
    assert rows_of("10\u00a0000 O\n")[0].words == ("10\u00a0000",)


def test_documents_begin_without_a_sentence():
    content = "-DOCSTART- -X- O\n\na NN O\n-DOCSTART- -X- O\nb NN O\n"
    assert [row.words for row in rows_of(content)] == [("a",), ("b",)]


def test_comments_are_left_out_and_hashes_that_are_words_are_kept():
    first = "# id = 1\n# comment\na x O\n# x O\n# not the columns of words\nb x O\n"
    content = f"{first}\n#tag x O\n\n# alone\n\n# # O\nc x O\n"
    assert [row.words for row in rows_of(content)] == [("a", "#", "b"), ("#tag",), ("#", "c")]
    assert [row.words for row in rows_of("# x O\nb x O\n")] == [("#", "b")]
    assert [row.words for row in rows_of("# comment\n#\tO\nb\tO\n")] == [("#", "b")]


def test_line_with_too_few_columns_costs_its_sentence_and_is_named():
    (refusal, row) = rows_of("a O\nb\nc O\n\nd O\n")
    assert (refusal.line, refusal.reason) == (2, "too few columns")
    assert refusal.detail == "1 in 'b', expected word_column 0 and tag_column -1"
    assert row == sentence(("d", "O"))


def test_tag_of_another_scheme_is_refused_with_the_scheme_that_takes_it():
    (refusal,) = rows_of("a S-x\n")
    assert str(refusal) == (
        "rows.conll:1: not a bio tag: of 'a': 'S-x', expected O, B-x or I-x. Tags that begin with E- or S-, or L- "
        "or U-, are of tagging.scheme: bioes"
    )
    assert rows_of("a S-x\n", "bioes") == [sentence(("a", "S-x"))]


def test_hint_of_bilou_tags_leads_to_the_scheme_that_reads_them():
    content = "Anna U-PER\nin O\nNew B-LOC\nYork I-LOC\nCity L-LOC\n"
    [refusal] = rows_of(content)
    assert "are of tagging.scheme: bioes" in refusal.detail
    words = [("Anna", "S-PER"), ("in", "O"), ("New", "B-LOC"), ("York", "I-LOC"), ("City", "E-LOC")]
    assert rows_of(content, "bioes") == [sentence(*words)]
    assert rows_of("a NOUN\n", "plain") == [sentence(("a", "NOUN"))]


def test_iob1_is_read_as_the_spans_that_it_stands_for():
    content = "Anna I-PER\nSmith I-PER\nPeter B-PER\nin O\nRome I-LOC\n"
    assert rows_of(content)[0].tags == ("B-PER", "I-PER", "B-PER", "O", "B-LOC")


def test_span_that_begins_with_a_tag_that_is_not_listed_is_refused_and_the_hint_leads_to_the_tags():
    [refusal] = rows_of("Rome I-LOC\n", labels=["O", "I-LOC"])
    assert str(refusal) == (
        "rows.conll:1: unknown tag: 'B-LOC', which 'I-LOC' of 'Rome' stands for, expected one of O, I-LOC"
    )
    assert rows_of("Rome I-LOC\n", labels=["O", "I-LOC", "B-LOC"])[0].tags == ("B-LOC",)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("U-x B-x I-x L-x", "S-x B-x I-x E-x"),  # BILOU
        ("W-x B-x M-x E-x", "S-x B-x I-x E-x"),  # BMEWO
        ("S-x B-x M-x E-x", "S-x B-x I-x E-x"),  # BMES
        ("B-x B-x I-x I-x", "S-x B-x I-x E-x"),  # BIO
        ("I-x O I-x E-x", "S-x O B-x E-x"),  # IOE
    ],
)
def test_other_schemes_of_the_same_spans_are_read_as_bioes(tags, expected):
    content = "".join(f"w {tag}\n" for tag in tags.split())
    assert rows_of(content, "bioes")[0].tags == tuple(expected.split())


def test_listed_tags_may_have_the_letters_of_bilou():
    labels = ["O", "B-x", "I-x", "L-x", "U-x"]
    assert rows_of("a U-x\nb B-x\nc L-x\n", "bioes", labels=labels)[0].tags == ("S-x", "B-x", "E-x")


@pytest.mark.parametrize("between", ["\t", " "])
@pytest.mark.parametrize("space", [" ", "_", "\u3000", "\u200b"])
def test_words_that_are_white_space_are_left_out_with_their_tags_and_the_span_goes_on(space, between):
    lines = ["นาง B-PER", f"{space} I-PER", "สมศรี I-PER", f"{space} O", "ไป O"]
    content = "".join(between.join(line.rsplit(" ", 1)) + "\n" for line in lines)
    assert rows_of(content) == [sentence(("นาง", "B-PER"), ("สมศรี", "I-PER"), ("ไป", "O"))]


def test_span_that_begins_with_white_space_begins_with_its_first_word():
    assert rows_of(" \tB-x\na\tI-x\nb\tI-x\n") == [sentence(("a", "B-x"), ("b", "I-x"))]


def test_underscore_between_words_of_other_scripts_is_a_word():
    assert rows_of("snake O\n_ O\ncase O\n")[0].words == ("snake", "_", "case")


def test_line_that_begins_with_a_space_and_ends_with_no_tag_is_refused():
    [refusal] = rows_of("a N\n b\nc N\n", "plain")
    assert refusal.reason == "too few columns"


def test_lines_without_blank_ones_are_named_where_they_are_too_long_for_a_sentence():
    [refusal] = rows_of("word O\n" * 2000, max_row_bytes=1000)
    assert refusal.detail == "over max_row_bytes=1000: 2,000 lines without a blank one. A blank line ends a sentence"


def test_tags_that_are_not_listed_are_refused():
    records = rows_of("a N\n\na V\n", "plain", labels=["N", "A"])
    assert records[0] == sentence(("a", "N"))
    assert str(records[1]) == "rows.conll:3: unknown tag: 'V', expected one of N, A"


def test_several_tags_a_word_are_each_checked_and_none_is_empty():
    records = rows_of("a\tx,y,x\nb\t\nc\tO\n\nd\tx,z\n", "plain", ",", labels=["x", "y"])
    assert records[0] == sentence(("a", "x,y"), ("b", ""), ("c", ""))
    assert records[1].reason == "unknown tag"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("\tO\n", "empty word"),
        ("\u00a0\tO\n", "empty word"),
        ("\u200b\tO\n", "empty word"),
        ("a\t \tO\nb\t \t \n", "empty tag"),
        (b"caf\xe9 O\n", "not utf-8"),
    ],
)
def test_reasons_of_refusal(content, reason):
    records = rows_of(content + (b"\nd O\n" if isinstance(content, bytes) else "\nd O\n"))
    assert [record.reason for record in records if isinstance(record, Refusal)] == [reason]
    assert records[-1] == sentence(("d", "O"))


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ("New NNP B-LOC\nYork NNP\nis VBZ O\n", "2 in 'York NNP', where other lines have 3"),
        ("a B-LOC\nb O\n\nNew York B-LOC\n", "3 in 'New York B-LOC', where other lines have 2"),
        ("a\tO\nNew\tYork\tB-LOC\nb\tO\n", "3 in 'New York B-LOC', where other lines have 2"),
    ],
)
def test_lines_with_another_number_of_columns_than_the_others_are_refused(content, detail):
    [refusal] = [record for record in rows_of(content) if isinstance(record, Refusal)]
    assert (refusal.reason, refusal.detail) == ("wrong number of columns", detail)


def test_undecodable_line_is_named():
    (refusal,) = rows_of(b"a O\ncaf\xe9 O\n")
    assert (refusal.line, refusal.row) == (2, "a O\ncaf\\udce9 O")


@pytest.mark.parametrize("longest", ["x" * 200 + " O\n", "x O\n" * 30], ids=["one line", "many lines"])
def test_sentence_over_the_limit_is_refused_and_the_next_is_read(longest):
    (refusal, row) = rows_of(f"\na O\n{longest}\nb O\n", max_row_bytes=100)
    assert (refusal.line, refusal.reason) == (2, "row too long")
    assert row == sentence(("b", "O"))


def test_byte_order_mark_and_line_ends_of_other_systems():
    assert rows_of("\ufeffa O\r\n\r\nb O\r\n") == [sentence(("a", "O")), sentence(("b", "O"))]


@given(st.text(st.sampled_from("ab \t\nO")))
def test_there_are_as_many_records_as_blocks_of_lines(content):
    blocks = [block for block in "\n".join(line.strip() for line in content.split("\n")).split("\n\n") if block.strip()]
    assert len(rows_of(content, "plain")) == len(blocks)


@given(sentences, st.sampled_from(["\t", " "]))
def test_texts_are_those_of_the_rows_with_tags(rows, between):
    content = "\n".join("".join(f"{word}{between}{tag}\n" for word, tag in sentence_of) for sentence_of in rows)
    assert texts_of(content) == [Row(row.text) for row in rows_of(content)]


def test_texts_are_of_the_column_with_words_and_of_comments_with_the_text():
    content = "# id = 1\n0\tBen\n1\tFayot\n\n#text=Ben, Fayot.\n0\tBen\n\n# text_en = z\n0\tx\n\n# text = \n0\ty\n"
    assert texts_of(content, word_column=1) == [Row("Ben Fayot"), Row("Ben, Fayot."), Row("x"), Row("y")]


def test_text_in_a_comment_is_none_of_the_words_even_with_as_many_columns():
    content = "# text = EU.\nEU NNP x O\n"
    assert texts_of(content) == [Row("EU.")]
    assert rows_of(content)[0].words == ("EU",)


@pytest.mark.parametrize(
    ("bad", "line", "reason", "detail"),
    [
        ("a x\nb\n", 2, "too few columns", "1 in 'b', expected word_column 1"),
        ("a \t \u3000\n", 1, "empty text", "expected words"),
        ("a " + "x" * 101 + "\n", 1, "row too long", "over max_row_bytes=100"),
        (f"a {'ż' * 51}\n", 1, "row too long", "over max_row_bytes=100"),
        (b"a x\na caf\xe9\n", 2, "not utf-8", "undecodable bytes"),
    ],
)
def test_sentence_without_a_usable_text_is_refused_and_the_next_is_read(bad, line, reason, detail):
    bad = bad if isinstance(bad, bytes) else bad.encode()
    (refusal, row) = texts_of(bad + b"\na fine\n", word_column=1, max_row_bytes=100)
    assert (refusal.line, refusal.reason, refusal.detail) == (line, reason, detail)
    assert row == Row("fine")
