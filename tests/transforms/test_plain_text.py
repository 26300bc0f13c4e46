import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.transforms.records.plain_text import parse
from ulmfit_tfx.transforms.records.record import Refusal, Row


def rows_of(content: str | bytes, **config):
    config = text_source(path="a.txt", format="text", **config)
    stream = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    return list(parse(stream, "a.txt", config))


def refusals(records):
    return [(record.line, record.reason) for record in records if isinstance(record, Refusal)]


def test_each_line_is_a_row_and_bad_ones_are_refused_with_their_number():
    content = b"One.\n\n  Two.\r\ncaf\xe9\n" + b"x" * 101 + b"\nLast, without line end"
    records = rows_of(content, max_row_bytes=100)
    assert [record for record in records if isinstance(record, Row)] == [
        Row("One."),
        Row("Two."),
        Row("Last, without line end"),
    ]
    assert refusals(records) == [(4, "not utf-8"), (5, "row too long")]


texts = st.text(st.sampled_from("ab .\u3000\u2028\t\n"), max_size=60)


@given(texts)
def test_paragraphs_stand_between_blank_lines_and_are_joined_by_a_space(content):
    lines = [line.strip() for line in content.split("\n")]
    expected = [paragraph.replace("\n", " ") for paragraph in re.split(r"\n{2,}", "\n".join(lines).strip("\n"))]
    assert rows_of(content, text_unit="paragraph") == [Row(text) for text in expected if text]


@given(texts)
def test_document_is_the_file_without_white_space_around_it(content):
    assert rows_of(content, text_unit="document") == [Row(content.strip())][: bool(content.strip())]


def test_line_ends_of_a_document_are_those_of_unix():
    assert rows_of("\ufeff One.\r\n\r\n  Two.\rThree.\r\n", text_unit="document") == [Row("One.\n\n  Two.\nThree.")]


@pytest.mark.parametrize("unit", ["line", "paragraph", "document"])
@pytest.mark.parametrize("content", ["", "\ufeff", " \n\t\n\r\n", "\ufeff\n"])
def test_file_of_white_space_has_no_rows(unit, content):
    assert rows_of(content, text_unit=unit) == []


@pytest.mark.parametrize("unit", ["line", "paragraph", "document"])
def test_row_may_have_as_many_bytes_as_the_limit_says(unit):
    assert rows_of("ż" * 50, text_unit=unit, max_row_bytes=100) == [Row("ż" * 50)]
    assert refusals(rows_of("ż" * 51, text_unit=unit, max_row_bytes=100)) == [(1, "row too long")]


def test_long_or_undecodable_paragraph_is_refused_and_the_next_is_read():
    content = b"one\n\n" + b"too many\n" * 20 + b"\n\ntwo\ncaf\xe9\n\nthree\n"
    records = rows_of(content, text_unit="paragraph", max_row_bytes=100)
    assert refusals(records) == [(3, "row too long"), (26, "not utf-8")]
    assert [record.text for record in records if isinstance(record, Row)] == ["one", "three"]


def test_long_or_undecodable_document_is_refused():
    assert refusals(rows_of("\nlines\n" * 20, text_unit="document", max_row_bytes=100)) == [(1, "row too long")]
    assert refusals(rows_of(b"\none\ncaf\xe9\n", text_unit="document")) == [(3, "not utf-8")]


@pytest.mark.parametrize("encoding", ["utf-16", "shift_jis", "gb18030"])
def test_row_in_another_encoding_is_refused_if_it_is_not_in_that(encoding):
    bad = {"utf-16": b"\x3d\xd8\n\0", "shift_jis": b"\x85\xff\n", "gb18030": b"\xff\n"}[encoding]
    after = "国\n".encode(encoding).removeprefix(b"\xff\xfe")
    records = rows_of("日本\n".encode(encoding) + bad + after, encoding=encoding)
    assert refusals(records) == [(2, f"not {encoding}")]
    assert [records[0], records[2]] == [Row("日本"), Row("国")]
