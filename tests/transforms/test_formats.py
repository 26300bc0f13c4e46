import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sources import labelled_texts

from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.formats import check_header, parse
from ulmfit_tfx.transforms.records.record import Refusal, Row

HEADERS = {
    "csv": b"text,label,value,n\n",
    "tsv": b"text\tlabel\tvalue\tn\n",
    "spans_csv": b"text,value\n",
    "spans_tsv": b"text\tvalue\n",
    "label_studio": b'[{"text": "a b", "label": [',
    "conllu": b"1\ta\t_\tNOUN\t_\tA=b\t0\troot\t_\t_\n",
}
TAGGED = ["jsonl", "json", "conll", "conllu", "spans_tsv", "spans_csv", "label_studio"]
TEXTS = ["csv", "tsv", "jsonl", "text", "conll", "conllu", "mediawiki"]

telling = st.lists(
    st.sampled_from([*'ab*,;[]{}"\\#|=-_1\t \n\r', "\ud83d", "😀", "1\ta\t_\t", "text", "label", "start"])
)
pieces = st.one_of(
    st.binary(max_size=200), telling.map(lambda parts: "".join(parts).encode("utf-8", "surrogatepass")[:300])
)
fields = {
    "labels": st.just(("a", "O")),
    "slice_columns": st.just(("value",)),
    "tag_field": st.sampled_from(["upos", "feats", "A"]),
    "tag_column": st.sampled_from([-1, 1]),
    "max_row_bytes": st.sampled_from([10, 60]),
}


def of_the_format(name):
    """The name of a format, and some fields that it has."""
    own = type(tagged_words(path="rows", format=name)).model_fields
    optional = {field: values for field, values in fields.items() if field in own}
    return st.tuples(st.just(name), st.fixed_dictionaries({}, optional=optional))


@settings(deadline=None, max_examples=300)  # the first text builds the graph that cuts it into words
@given(
    st.sampled_from(TAGGED).flatmap(of_the_format),
    st.booleans(),
    pieces,
    st.sampled_from([("bio", None), ("plain", "|")]),
)
@example(("conllu", {}), False, b"# global.columns = \n1  a", ("plain", None))
@example(("conllu", {}), False, b"# global.columns = a\n1  a", ("plain", None))
def test_any_bytes_give_rows_and_refusals_or_an_error_for_people(chosen, has_header, body, scheme):
    name, values = chosen
    config = tagged_words(path="rows", format=name, **values)
    stream = io.BytesIO((HEADERS.get(name, b"") if has_header else b"") + body)
    tagging = TaggingConfig(scheme=scheme[0], tag_separator=scheme[1])
    try:
        records = list(parse(stream, "rows", config, tagging))
    except DataError:
        return
    check_records(records)
    assert all(record.words for record in records if isinstance(record, Row))


def check_records(records):
    for record in records:
        assert isinstance(record, Row | Refusal | Drop)
        if isinstance(record, Row):
            record.text.encode()
            assert record.text
            assert record.line >= 1
            assert len(record.words) == len(record.tags)
            assert all(record.words)
        elif isinstance(record, Refusal):
            str(record).encode()
            record.row.encode()


@given(
    st.sampled_from([name for name in TEXTS if name != "mediawiki"]),
    st.booleans(),
    pieces,
    st.sampled_from(["line", "paragraph", "document"]),
    st.sampled_from(["utf-8", "latin-1", "utf-16", "utf-16-be", "utf-32", "shift_jis", "gb18030"]),
    st.sampled_from([10, 60]),
)
@example("csv", False, b"\x00\x01\x00", "line", "utf-16", 10)
def test_any_bytes_of_texts_give_rows_and_refusals_or_an_error_for_people(
    name, has_header, body, unit, encoding, max_row_bytes
):
    unit = {"text_unit": unit} if name == "text" else {}
    config = text_source(path="rows", format=name, encoding=encoding, max_row_bytes=max_row_bytes, **unit)
    header = HEADERS.get(name, b"\n").decode().encode(encoding) if has_header else "\n".encode(encoding)
    try:
        records = list(parse(io.BytesIO(header + body), "rows", config))
    except DataError:
        return
    check_records(records)
    assert not any(isinstance(record, Row) and record.words for record in records)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("csv", "text,label\nFine.,a\n"),
        ("tsv", "text\tlabel\nFine.\ta\n"),
        ("jsonl", '{"text": "Fine."}\n'),
        ("text", "Fine.\n"),
        ("conll", "Fine. O\n"),
        ("conllu", "1\tFine\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No\n2\t.\n"),
        (
            "mediawiki",
            "<mediawiki><page><title>A</title><ns>0</ns><revision><text>'''Fine.'''</text></revision></page></mediawiki>",
        ),
    ],
)
def test_texts_of_a_corpus_come_in_any_of_its_formats(name, content):
    config = text_source(path="rows", format=name)
    check_header(io.BytesIO(content.encode()), "rows", config)
    assert list(parse(io.BytesIO(content.encode()), "rows", config)) == [Row("Fine.")]


def test_json_lines_are_objects_where_rows_are_texts_and_lists_where_they_are_words_with_tags():
    texts, tagged = (kind(path="rows", format="jsonl") for kind in (labelled_texts, tagged_words))
    content = b'{"text": "a b", "label": "x"}\n[["a b", "O"]]\n'
    text, refused_list = parse(io.BytesIO(content), "rows", texts)
    refused_object, words = parse(io.BytesIO(content), "rows", tagged, TaggingConfig())
    assert (text, words) == (Row("a b", "x"), Row("a b", words=("a b",), tags=("O",)))
    assert (refused_list.reason, refused_object.reason) == ("not an object", "not a list of pairs")


def test_words_with_tags_in_json_lines_need_no_fields():
    check_header(io.BytesIO(b'[["a", "O"]]\n'), "rows", tagged_words(path="rows", format="jsonl"))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("csv", b"txt\n", "there is no column 'text'"),
        ("spans_tsv", b"text\n", "there is no column 'value'"),
        ("jsonl", b'{"txt": 1}\n', "there is no field 'text'"),
        *((name, "a\tO\n".encode("utf-16"), "the byte order mark of UTF-16") for name in (*TEXTS[:-1], *TAGGED)),
    ],
)
def test_what_the_beginning_of_a_file_tells_is_an_error(name, content, expected):
    is_text = name in TEXTS
    config = (text_source if is_text else tagged_words)(path="rows", format=name)
    with pytest.raises(DataError, match=expected):
        check_header(io.BytesIO(content), "rows", config)
