import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.objects import check_fields, read_records
from ulmfit_tfx.transforms.records.record import Refusal
from ulmfit_tfx.transforms.records.record_fields import Record


def stream_of(content: str | bytes) -> io.BytesIO:
    return io.BytesIO(content if isinstance(content, bytes) else content.encode())


def records_of(content: str | bytes, needed=("text",), list_field=None, **config):
    config = text_source(path="rows", format="jsonl", **config)
    return list(read_records(stream_of(content), "rows.jsonl", config, needed, list_field))


def check(content: str | bytes, *needed: str) -> None:
    config = text_source(path="rows", format="jsonl")
    check_fields(stream_of(content), "rows.jsonl", config, needed)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.booleans())
def test_text_is_the_one_that_was_written(text, ensure_ascii):
    (record,) = records_of(json.dumps({"text": text}, ensure_ascii=ensure_ascii))
    assert record.values == {"text": text.strip()}


@pytest.mark.parametrize(
    "written",
    ["5", "5.0", "-0", "1e400", "0.30000000000000004", "12345678901234567890.50", "true", "false", "9" * 5000],
)
def test_numbers_and_truth_values_are_as_they_are_written(written):
    (record,) = records_of(f'{{"text": {written}}}', max_row_bytes=10_000)
    assert record.values == {"text": written}


def test_null_is_empty_and_fields_that_are_not_needed_may_be_anything():
    (record,) = records_of('{"a": {"text": [1]}, "text": null, "b": [], "a": 2, "c": "\\ud800"}\n')
    assert record.values == {"text": ""}


def test_list_is_taken_where_one_may_be():
    (record,) = records_of('{"label": [1, " b ", null, true], "text": "x"}', ["text", "label"], "label")
    assert record.lists == {"label": ["1", "b", "", "true"]}
    assert record.values == {"text": "x", "label": "1, b, , true"}


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        ('{"text": "a"', "malformed JSON", "Expecting ',' delimiter (character 13)"),
        ("text", "malformed JSON", "Expecting value (character 1)"),
        ('{"text": "a"} {"text": "b"}', "malformed JSON", "Extra data (character 15)"),
        ('{"text": "a\tb"}', "malformed JSON", "Invalid control character at (character 12)"),
        ('{"text": "a", "b": NaN}', "malformed JSON", "NaN is no value of JSON"),
        ('{"text": -Infinity}', "malformed JSON", "-Infinity is no value of JSON"),
        ("[" * 9999, "malformed JSON", None),
        ('{"a":' * 1999, "malformed JSON", None),
        ('[["a", "O"]]', "not an object", 'it is a list, expected one such as {"text": "..."}'),
        ("5", "not an object", 'it is a single value, expected one such as {"text": "..."}'),
        ('"text"', "not an object", 'it is a single value, expected one such as {"text": "..."}'),
        ('{"txt": 1, "b": 2}', "missing field", "'text'. Fields: txt, b"),
        ("{}", "missing field", "'text'. Fields: "),
        ('{"text": 1, "text": 1}', "field given twice", "'text'"),
        (
            '{"text": {"en": "a"}}',
            "not a text",
            "field 'text' is an object, expected a text or a number. Name a field inside of it, such as 'text.en'",
        ),
        ('{"text": ["a"]}', "not a text", "field 'text' is a list, expected a text or a number"),
        ('{"text": "a\\ud800"}', "not Unicode", "field 'text' has half of a surrogate pair"),
        (b'{"text": "caf\xe9"}', "not utf-8", "undecodable bytes"),
        ('{"text": "' + "a" * 10_000 + '"}', "row too long", "over max_row_bytes=10000"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_line_that_cannot_be_used_is_refused_and_the_next_is_read(line, reason, detail):
    line = line if isinstance(line, bytes) else line.encode()
    (refusal, record) = records_of(b"\n" + line + b'\n{"text": "b"}', max_row_bytes=10_000)
    assert (refusal.line, refusal.reason) == (2, reason)
    assert detail in (None, refusal.detail)
    assert isinstance(record, Record)
    assert record.line == 3


def test_nested_list_of_labels_is_refused():
    (refusal,) = records_of('{"label": [["a"]]}', ["label"], "label")
    assert str(refusal) == "rows.jsonl:1: not a text: field 'label' is a list, expected a text or a number"


json_like = st.lists(
    st.sampled_from([*'{}[]:,"\\ \n', '"text"', "\\ud83d", "1", "null", "NaN", "é", "\udce9"]), max_size=30
)


@given(json_like.map(lambda parts: "".join(parts).encode("utf-8", "surrogateescape")))
def test_any_line_gives_a_record_or_a_refusal(content):
    for record in records_of(content, list_field="text"):
        if isinstance(record, Refusal):
            str(record).encode()
        else:
            record.values["text"].encode()
            record.row.encode()


def test_field_that_the_first_lines_lack_is_an_error_that_names_the_nearest():
    with pytest.raises(DataError) as error:
        check('{"txet": "a", "n": 1}\n' * 3, "text", "n")
    assert str(error.value) == "rows.jsonl:1: there is no field 'text'. Fields: txet, n. Did you mean 'txet'?"
    with pytest.raises(DataError) as error:
        check('{"a": 1}\n' * 200, "text")
    assert str(error.value) == "rows.jsonl:1: there is no field 'text'. Fields: a. Looked at 100 rows."


@pytest.mark.parametrize(
    "content",
    ["", "\n", '{"a": 1}\n{"text": 1}\n', '[["a", "O"]]\n', "{\n", b'{"a": "\xe9"}', '{"text": 1, "text": 2}'],
)
def test_field_that_one_of_the_first_lines_has_or_no_object_is_no_error(content):
    check(content, "text")
