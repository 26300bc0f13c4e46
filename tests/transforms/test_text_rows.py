import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sources import labelled_texts

from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.labels import composed
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.record import Refusal, Row
from ulmfit_tfx.transforms.records.text_rows import parse


def rows_of(content: str | bytes, **config):
    config = labelled_texts(**({"path": "rows", "format": "csv"} | config))
    stream = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    return list(parse(stream, "rows.csv", config))


def refusals(records):
    return [(record.line, record.reason) for record in records if isinstance(record, Refusal)]


texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1)


@given(st.lists(st.tuples(texts, st.sampled_from(["a", "b"])), max_size=8))
def test_csv_reads_what_a_csv_writer_wrote(rows):
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["text", "label"])
    writer.writerows(rows)
    texts_with_our_line_ends = [(text.replace("\r\n", "\n").replace("\r", "\n").strip(), label) for text, label in rows]
    expected = [Row(text, label) for text, label in texts_with_our_line_ends if text]
    assert [record for record in rows_of(file.getvalue()) if isinstance(record, Row)] == expected


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp", "Zs"]), min_size=1), max_size=8))
def test_tsv_without_quoting_takes_quotation_marks_as_they_are(rows):
    content = "label\ttext\n" + "".join(f"x\t{text}\n" for text in rows)
    assert rows_of(content, format="tsv", quoting="none") == [Row(text, "x") for text in rows]


ENCODINGS = ["utf-8", "utf-16", "utf-16-be", "utf-32", "gbk", "gb18030", "shift_jis", "latin-1"]


@given(st.binary(max_size=300), st.sampled_from(["csv", "tsv"]), st.sampled_from(ENCODINGS))
def test_any_bytes_below_the_header_give_rows_or_refusals(body, file_format, encoding):
    header = "text\tlabel\n" if file_format == "tsv" else "text,label\n"
    records = rows_of(header.encode(encoding) + body, format=file_format, max_row_bytes=50, encoding=encoding)
    assert all(isinstance(record, Row | Refusal) for record in records)


def jsonl(*objects) -> str:
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in objects)


written = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=9),
            "label": st.sampled_from(["a", "b", "c", "", "a;b", ";a"]),
            "n": st.sampled_from(["0", "-1.5", "1e9", "five", ""]),
            "part": st.sampled_from(["train", "dev", "holdout"]),
        }
    ),
    max_size=6,
)


of_any_task = {
    "weight_column": st.just("n"),
    "split_column": st.just("part"),
    "second_text_column": st.just("part"),
    "slice_columns": st.just(("part", "n")),
}
with_labels = st.fixed_dictionaries(
    {}, optional=of_any_task | {"label_separator": st.just(";"), "labels": st.just(("a", "b"))}
)
with_numbers = st.fixed_dictionaries({"target_columns": st.just(("n",))}, optional=of_any_task)


@given(written, with_labels | with_numbers)
def test_json_lines_give_the_rows_that_columns_give(rows, config):
    names = ("text", "label", "n", "part")
    table = "".join("\t".join(line) + "\n" for line in [names, *([row[name] for name in names] for row in rows)])
    expected = rows_of(table, format="tsv", quoting="none", **config)
    found = rows_of(jsonl(*rows), format="jsonl", **config)
    assert [record for record in found if isinstance(record, Row)] == [
        record for record in expected if isinstance(record, Row)
    ]
    assert refusals(found) == [(line - 1, reason) for line, reason in refusals(expected)]


def test_unlabelled_rows_need_no_more_than_their_text():
    for file_format, content in (("tsv", "x\ttext\n1\tFine\n"), ("jsonl", jsonl({"x": 1, "text": "Fine"}))):
        config = text_source(path="rows", format=file_format)
        assert list(parse(io.BytesIO(content.encode()), "rows", config)) == [Row("Fine")]


@pytest.mark.parametrize("file_format", ["csv", "tsv", "jsonl"])
def test_rows_with_the_same_key_are_told_by_it_and_an_empty_one_is_refused(file_format):
    rows = [("a", "one", "x"), ("a", "two", "x"), (" ", "three", "x")]
    if file_format == "jsonl":
        content = "\n" + jsonl(*(dict(zip(["doc", "text", "label"], row, strict=True)) for row in rows))
    else:
        separator = "\t" if file_format == "tsv" else ","
        content = "".join(separator.join(row) + "\n" for row in [("doc", "text", "label"), *rows])
    records = rows_of(content, format=file_format, split_key_column="doc")
    assert records[:2] == [Row("one", "x", key="a"), Row("two", "x", key="a")]
    assert str(records[2]) == "rows.csv:4: empty key: column 'doc'"
    config = text_source(path="rows", format=file_format, split_key_column="doc")
    assert next(parse(io.BytesIO(content.encode()), "rows", config)) == Row("one", key="a")


def test_labels_in_json_are_a_list_or_a_text_with_separators_or_null():
    objects = [{"text": "x", "label": label} for label in ([5, " a ", "a", "b;c"], "5; a", None, [], "")]
    records = rows_of(jsonl(*objects), format="jsonl", label_separator=";", label_names={"5": "good"})
    assert [row.labels for row in records] == [("good", "a", "b;c"), ("good", "a"), (), (), ()]


def test_list_of_labels_is_refused_where_a_row_has_one():
    content = jsonl({"text": "x", "label": ["a"]}, {"text": "y", "label": "a"})
    (refusal, row) = rows_of(content, format="jsonl", slice_columns=["label"])
    assert str(refusal) == (
        "rows.csv:1: several labels: field 'label' is a list. Where a row has any number of labels, set label_separator"
    )
    assert row.label == "a"


def test_columns_are_found_by_name_and_labels_renamed():
    content = "id,stars,review\n7,5,Fine\n"
    rows = rows_of(content, text_column="review", label_column="stars", label_names={"5": "good"})
    assert rows == [Row("Fine", "good")]


def test_labels_that_look_the_same_are_the_same():
    rows = rows_of("text,label\nx,z\u0307o\u0301l\ny,\u017c\u00f3l\n", labels=["z\u0307\u00f3l", "b"])
    assert [row.label for row in rows] == ["\u017c\u00f3l"] * 2


def test_name_of_a_label_that_is_another_label_is_an_error():
    with pytest.raises(DataError, match="the name 'tech' of label 'bill' is also a label of the data: two classes"):
        rows_of("text,label\nx,bill\ny,tech\n", label_names={"bill": "tech"})


def test_labels_may_change_their_names():
    rows = rows_of("text,label\nx,a\ny,b\n", label_names={"a": "b", "b": "a"})
    assert [row.label for row in rows] == ["b", "a"]


@pytest.mark.parametrize("first", ["one [SEP] more", "plain"])
def test_text_of_a_pair_that_holds_the_separator_is_refused(first):
    second = "two" if "[SEP]" in first else "two[SEP]"
    (refusal, row) = rows_of(f"a,b,label\n{first},{second},x\nfine,too,x\n", text_column="a", second_text_column="b")
    assert refusal.reason == "separator in a text"
    assert "holds '[SEP]', which parts the two: set another as tokenizer.separator" in refusal.detail
    assert row.text == "fine [SEP] too"


@pytest.mark.parametrize("row", ['"a text", "x"', ' "a text",x', '"a text",  "x" '])
def test_space_before_a_quotation_mark_of_csv_is_refused(row):
    (refusal, fine) = rows_of(f'text,label\n{row}\n"fine", said nobody\n')
    assert (refusal.line, refusal.reason) == (2, "space before a quotation mark")
    assert fine == Row("fine", "said nobody")


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_text_in_quotation_marks_that_itself_begins_with_a_space_and_such_a_mark_is_read(delimiter):
    (row,) = rows_of(f'text{delimiter}label\n" ""Fine"", he said, ""really"""{delimiter}x\n')
    assert row == Row('"Fine", he said, "really"', "x")


def test_quotation_marks_of_a_text_itself_are_no_dialect():
    (row,) = rows_of('text,label\n He said "no" twice,x\n')
    assert row == Row('He said "no" twice', "x")


def test_quoted_field_spans_lines_and_counts_them():
    records = rows_of('text,label\n"two\nlines",a\nshort\nfine,b\n')
    assert records[0] == Row("two\nlines", "a")
    assert refusals(records) == [(4, "wrong number of columns")]
    assert records[2] == Row("fine", "b")


def test_quotation_mark_never_closed_costs_its_line_only():
    records = rows_of('text,label\n"open,a\n' + "fine,b\n" * 30, max_row_bytes=60)
    assert refusals(records) == [(2, "malformed CSV")]
    assert records.count(Row("fine", "b")) == 30


def test_quotation_mark_never_closed_at_the_end_of_the_file():
    records = rows_of('text,label\nfine,a\n"open,b\nfine,b\n')
    assert refusals(records) == [(3, "malformed CSV")]
    assert records[-1] == Row("fine", "b")


def test_quotation_mark_inside_a_field_is_a_character():
    assert rows_of('text,label\na 5" disk,a\nfine,b\n') == [Row('a 5" disk', "a"), Row("fine", "b")]


def test_quoted_row_over_the_limit_is_refused_as_either():
    (refusal, *_) = rows_of('text,label\n"' + "some words\n" * 30 + '",a\n', max_row_bytes=60)
    assert refusal.detail == "unexpected end of data, or longer than max_row_bytes=60"


@pytest.mark.parametrize("length", range(98, 104))
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_lines_are_counted_right_around_the_limit(length, line_end):
    content = line_end.join(["text\tlabel", "x" * (length - 2) + "\ta", "one", ""])
    records = rows_of(content, format="tsv", max_row_bytes=100)
    assert isinstance(records[0], Row) == (length <= 100)
    assert refusals(records)[-1] == (3, "wrong number of columns")


@pytest.mark.parametrize("file_format", ["csv", "tsv"])
def test_row_over_the_limit_is_refused_and_the_next_is_read(file_format):
    separator = "\t" if file_format == "tsv" else ","
    content = f"text{separator}label\n{'x' * 1_100_000}{separator}a\nfine{separator}b\n"
    records = rows_of(content, format=file_format)
    assert refusals(records) == [(2, "row too long")]
    assert records[-1] == Row("fine", "b")


def test_undecodable_bytes_cost_their_row_only():
    records = rows_of(b"text,label\ncaf\xe9,a\nfine,b\n")
    assert refusals(records) == [(2, "not utf-8")]
    assert records[0].row == "caf\\udce9\ta"
    assert records[1] == Row("fine", "b")


def test_other_encodings_are_read_by_name():
    assert rows_of(b"text,label\ncaf\xe9,a\n", encoding="latin-1") == [Row("café", "a")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
def test_byte_order_mark_is_no_part_of_the_first_column_name(encoding):
    content = "\ufefftext,label\nfine,a\n".encode(encoding)
    assert rows_of(content, encoding=encoding) == [Row("fine", "a")]


def test_columns_that_are_not_asked_for_may_share_a_name():
    assert rows_of("text,label,note,note,\nfine,a,1,2,3\n") == [Row("fine", "a")]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_of_all_systems(line_end):
    assert rows_of(line_end.join(["text,label", "fine,a", "good,b", ""])) == [Row("fine", "a"), Row("good", "b")]


def test_reasons_of_refusal():
    content = "text,label\n,a\nfine,\nfine,a\none\n\nfine,a,b\nfine\0,a\n"
    assert refusals(rows_of(content, labels=["a", "b"])) == [
        (2, "empty text"),
        (3, "empty label"),
        (5, "wrong number of columns"),
        (7, "wrong number of columns"),
        (8, "malformed CSV"),
    ]


def test_refusal_reads_as_file_line_reason():
    (refusal,) = rows_of("text,label\nfine,\n", labels=["a", "b"])
    assert str(refusal) == "rows.csv:2: empty label: column 'label'"


def test_label_that_is_not_listed_is_left_out_by_a_rule_or_grouped():
    content = "text,label\nfine,c\nbad,a\n"
    assert rows_of(content, labels=["a", "b"]) == [Drop("label not listed", "c"), Row("bad", "a")]
    grouped = rows_of(content, labels=["a", "b"], rare_labels="group", rare_label_name="rest")
    assert grouped == [Row("fine", "rest"), Row("bad", "a")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "rows.csv: the file is empty"),
        (b"txet,label\n", "rows.csv:1: there is no column 'text'. Columns: txet, label. Did you mean 'txet'?"),
        (b"t\xe4xt,label\n", "rows.csv:1: the header line is not utf-8"),
        (b"text,label,text\n", "there are 2 columns 'text'. Which one is meant?"),
        (b"text:label\n", "there is no column 'text'"),
        (b"txt\tlabel\nx\ty\n", "there is no column 'text'. Columns: txt, label. Did you mean 'txt'?"),
        (b'"text,label\n', "rows.csv:1: the header line cannot be read: malformed CSV"),
    ],
)
def test_header_that_cannot_be_used_is_an_error(content, expected):
    with pytest.raises(DataError) as error:
        rows_of(content)
    assert expected in str(error.value)


def test_several_labels_are_split_named_once_and_may_be_none():
    content = "text\tlabel\none\t b; a ;;b\nnone\t ;\ntwo\tc;a\n"
    records = rows_of(content, format="tsv", label_separator=";", labels=["a", "b"], label_names={"a": "good"})
    assert records[:2] == [Row("one", labels=("b", "good")), Row("none", labels=())]
    assert records[2] == Row("two", labels=("good",), unlisted=("c",))


finite = st.floats(-3e38, 3e38)


@given(st.lists(st.tuples(finite, finite, st.floats(0, 3e38)), max_size=8))
def test_targets_and_weights_are_the_numbers_that_were_written(rows):
    content = "v,text,w,a\n" + "".join(f"{v!r},x,{w!r},{a}\n" for v, a, w in rows)
    config = {"target_columns": ["a", "v"], "weight_column": "w"}
    assert rows_of(content, **config) == [Row("x", targets=(a, v), weight=w) for v, a, w in rows]


@pytest.mark.parametrize(
    ("number", "reason", "detail"),
    [
        ("", "empty number", "column 'n'"),
        ("five", "not a number", "column 'n' is 'five', expected a finite number"),
        (
            "3,5",
            "not a number",
            "column 'n' is '3,5', expected a finite number. The decimal sign is a point, not a comma",
        ),
        (
            "1.234,5",
            "not a number",
            "column 'n' is '1.234,5', expected a finite number. Write 1234.5: the decimal sign is a point, and nothing "
            "parts thousands",
        ),
        (
            "1,234",
            "not a number",
            "column 'n' is '1,234', expected a finite number. Write 1234 if the comma parts thousands, or 1.234 if it "
            "is the decimal sign",
        ),
        (
            "-1,234,567.8",
            "not a number",
            "column 'n' is '-1,234,567.8', expected a finite number. Write -1234567.8 if the comma parts thousands",
        ),
        ("nan", "not a number", "column 'n' is 'nan', expected a finite number"),
        ("-inf", "not a number", "column 'n' is '-inf', expected a finite number"),
        ("1e39", "not a number", "column 'n' is '1e39', expected a finite number"),
        ("1_000", "not a number", "column 'n' is '1_000', expected a finite number"),
    ],
)
@pytest.mark.parametrize("columns", [{"target_columns": ["n"]}, {"weight_column": "n"}], ids=["target", "weight"])
def test_what_is_no_number_is_refused(number, reason, detail, columns):
    (refusal, row) = rows_of(f"text\tlabel\tn\nx\ta\t{number}\ny\ta\t1\n", format="tsv", **columns)
    assert (refusal.line, refusal.reason, refusal.detail) == (2, reason, detail)
    assert row.text == "y"


def test_weight_below_zero_is_refused_and_none_counts():
    (refusal, row) = rows_of("text,label,w\nx,a,-0.5\ny,a,0\n", weight_column="w")
    assert str(refusal) == "rows.csv:2: negative weight: column 'w' is '-0.5', expected 0 or more"
    assert row == Row("y", "a", weight=0.0)


def test_second_text_is_joined_by_the_separator_of_the_tokenizer():
    content = b"text,label,other\n one ,a, two\nx,a,\n"
    rows = rows_of(content, second_text_column="other")
    assert rows[0] == Row("one [SEP] two", "a")
    assert rows[1] == Row("x", "a"), "as a served text without the separator"
    config = labelled_texts(path="rows", format="csv", second_text_column="other")
    assert next(parse(io.BytesIO(content), "rows.csv", config, "|")).text == "one | two"


def test_pair_without_a_first_text_is_refused():
    rows = rows_of("text,label,other\n,a,two\n,a,\n", second_text_column="other")
    assert [str(row) for row in rows] == [f"rows.csv:{line}: empty text: column 'text'" for line in (2, 3)]


ONE_HOT = {"label_column": ["a", "b"]}


@pytest.mark.parametrize("yes", ["1", "1.0", "true", "True"])
@pytest.mark.parametrize("no", ["0", "0.0", "false", "FALSE"])
def test_columns_of_zeros_and_ones_are_the_labels_that_they_are_called(yes, no):
    rows = rows_of(f"text,a,b\nx,{yes},{no}\ny,{yes},{yes}\nz,{no},{no}\n", **ONE_HOT, label_names={"b": "B"})
    assert [row.labels for row in rows] == [("a",), ("a", "B"), ()]


@pytest.mark.parametrize("value", ["-1", "2", "0.5", "", "yes"])
def test_column_of_zeros_and_ones_with_another_value_is_refused(value):
    (refusal,) = rows_of(f"text,a,b\nx,1,{value}\n", **ONE_HOT)
    assert str(refusal) == (f"rows.csv:2: neither 0 nor 1: column 'b' is '{value}', expected 0, 1, true or false")


def test_fields_of_zeros_and_ones_are_labels_in_json_too():
    rows = rows_of(
        jsonl({"text": "x", "a": 1, "b": False}, {"text": "y", "a": "0", "b": 1.0}), format="jsonl", **ONE_HOT
    )
    assert [row.labels for row in rows] == [("a",), ("b",)]


def test_answer_joins_labels_by_what_stands_in_none_of_them():
    config = labelled_texts(path="rows", format="csv", label_column=["a|b", "c"], label_names={"c": "d||e"})
    assert (config.is_multi_label, config.answer_separator) == (True, "|||")
    assert labelled_texts(path="rows", format="csv", **ONE_HOT, label_separator=";").answer_separator == ";"
    assert labelled_texts(path="rows", format="csv").answer_separator is None


@pytest.mark.parametrize("columns", [[], ["a"], ["a", "a"]])
def test_label_columns_are_two_or_more_different_ones(columns):
    with pytest.raises(ValidationError, match="expected a column, or two or more different ones"):
        labelled_texts(path="rows", format="csv", label_column=columns)


items = st.lists(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1).filter(str.strip), min_size=1)


@given(items, st.sampled_from([repr, json.dumps, lambda found: repr(tuple(found)), lambda found: repr(found[:1])]))
def test_list_that_was_written_into_a_cell_is_read_as_its_items(labels, write):
    file = io.StringIO()
    csv.writer(file).writerows([["text", "label"], ["x", write(labels)]])
    (row,) = rows_of(file.getvalue(), label_separator=",")
    kept = labels[:1] if write(labels) == repr(labels[:1]) else labels
    assert row.labels == tuple(dict.fromkeys(composed(label.strip()) for label in kept))


@pytest.mark.parametrize(
    ("cell", "labels"),
    [("[]", ()), ("[27]", ("27",)), ("[2, -3]", ("2", "-3")), ("[ad]", ("[ad]",)), ("{'a'}", ("a",))],
)
def test_lists_of_numbers_and_empty_ones_are_lists_and_a_label_in_brackets_is_none(cell, labels):
    (row,) = rows_of(f'text,label\nx,"{cell}"\n', label_separator=",")
    assert row.labels == labels


@pytest.mark.parametrize("cell", ["['a' 'b']", "['a', b]", "['a'", "[1 2]"])
def test_what_looks_like_a_list_and_is_none_gives_no_label_with_a_bracket(cell):
    (record,) = rows_of(f'text,label\nx,"{cell}"\n', label_separator=";")
    assert isinstance(record, Refusal) == (cell != "['a'"), record
    assert getattr(record, "reason", "list that cannot be read") == "list that cannot be read"


def test_list_in_a_cell_is_refused_where_a_row_has_one_label_and_read_where_the_hint_is_followed():
    content = "text,label\nx,\"['a', 'b']\"\n"
    (refusal,) = rows_of(content)
    assert str(refusal) == (
        "rows.csv:2: several labels: column 'label' is ['a', 'b'], a list as Python writes it. Where a row has any "
        "number of labels, set label_separator"
    )
    assert rows_of(content, label_separator=";") == [Row("x", labels=("a", "b"))]


@pytest.mark.parametrize(
    ("content", "config"),
    [
        ("text,label\nx,\ny,a\n", {}),
        ("text,label\nx, \ny,1.5\n", {"target_columns": ["label"]}),
        ("text,a,b\nx,,\ny,1,0\n", ONE_HOT),
        ("text,label\nx,\ny,a\n", {"label_separator": ";"}),
    ],
)
def test_rows_without_a_label_are_dropped_where_that_is_set(content, config):
    dropped, row = rows_of(content, rows_without_label="drop", **config)
    assert dropped == Drop("without a label")
    assert row.text == "y"


def test_row_without_some_of_its_numbers_is_refused_all_the_same():
    (refusal,) = rows_of("text,m,n\nx,1,\n", target_columns=["m", "n"], rows_without_label="drop")
    assert refusal.reason == "empty number"


@pytest.mark.parametrize("written", ["'4.5'", '"""4.5"""', '"4.5"'])
def test_number_in_quotation_marks_is_a_number(written):
    assert rows_of(f"text,n\nx,{written}\n", target_columns=["n"]) == [Row("x", targets=(4.5,))]


def test_texts_that_are_too_long_together_are_refused():
    content = "text,label,other\n" + "x" * 30 + ",a," + "y" * 30 + "\n"
    assert refusals(rows_of(content, second_text_column="other", max_row_bytes=65)) == [(2, "row too long")]


def test_row_names_its_split_and_others_are_refused():
    names = ["train", "Train", "test", "eval", "dev", "VALID", "validation", "val", "holdout", ""]
    content = "text,label,part\n" + "".join(f"x,a,{name}\n" for name in names)
    *rows, holdout, empty = rows_of(content, split_column="part")
    assert [row.split for row in rows] == ["train", "train", "test", *["eval"] * 5]
    assert str(holdout).startswith(
        "rows.csv:10: unknown split: column 'part' is 'holdout', expected one of train, test,"
    )
    assert refusals([empty]) == [(11, "unknown split")]


def test_slices_are_values_of_columns():
    (row,) = rows_of("text,label,lang,year\nx,a,pl,1999\n", slice_columns=["year", "lang"])
    assert row == Row("x", "a", slices=(("year", "1999"), ("lang", "pl")))


@pytest.mark.parametrize(
    "field", ["second_text_column", "split_column", "weight_column", "target_columns", "slice_columns"]
)
def test_header_has_to_name_every_column_that_is_needed(field):
    value = ["lagn"] if field.endswith("s") else "lagn"
    with pytest.raises(DataError, match=r"rows\.csv:1: there is no column 'lagn'.*Did you mean 'lang'"):
        rows_of("text,label,lang\n", **{field: value})


def test_undecodable_bytes_in_a_column_that_is_needed_cost_the_row():
    content = b"text,label,lang,note\nx,a,p\xe9,\ny,a,pl,\xe9\n"
    assert refusals(rows_of(content, slice_columns=["lang"])) == [(2, "not utf-8")]
