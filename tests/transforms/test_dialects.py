import csv
import io
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError
from sources import labelled_texts

from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.dialects import dialect_of_lines, in_dialect
from ulmfit_tfx.transforms.records.formats import check_header, needed_columns, parse
from ulmfit_tfx.transforms.records.line_ranges import align, lines_before_range, range_stream
from ulmfit_tfx.transforms.records.record import Refusal, Row

FREE = 'text\tlabel\n"I like it", she said\tg\na 5" disk\tb\n'
"""Begins as no quoted TSV does."""


def config_of(format="tsv", **fields):
    return labelled_texts(**({"path": "rows", "format": format} | fields))


def rows_of(content, format="tsv", **fields):
    stream = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    return list(parse(stream, "rows.csv", config_of(format, **fields)))


def pairs(content, format="tsv", **fields):
    return [(row.text, row.label) if isinstance(row, Row) else row.reason for row in rows_of(content, format, **fields)]


words = st.text(st.sampled_from("ab \"',;\t\n"), min_size=1, max_size=12)


@given(
    st.lists(st.tuples(words, words).filter(lambda row: all(map(str.strip, row))), max_size=9),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@example([(' "no"', ' "no, ""no"""')], csv.QUOTE_MINIMAL)
def test_csv_that_a_csv_writer_wrote_is_read_as_it_was_written(rows, quoting):
    file = io.StringIO()
    csv.writer(file, quoting=quoting, lineterminator="\n").writerows([("text", "label"), *rows])
    assert pairs(file.getvalue(), "csv") == [(text.strip(), label.strip()) for text, label in rows]


@given(
    st.lists(st.tuples(words, st.sampled_from(["x", "y"])), max_size=9),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.booleans(),
)
@example([('say "no"', "x")], csv.QUOTE_MINIMAL, True)
@example([("one\ntwo", "x"), ("b", "y")], csv.QUOTE_MINIMAL, False)
@example([('a "b', "x"), ("one\ntwo", "y")], csv.QUOTE_MINIMAL, False)
def test_tsv_that_a_csv_writer_wrote_is_read_as_it_was_written(rows, quoting, label_first):
    rows = [(text, label) for text, label in rows if text.strip() and not ("\n" in text and "\t" in text)]
    file = io.StringIO()
    writer = csv.writer(file, delimiter="\t", quoting=quoting, lineterminator="\n")
    writer.writerow(["label", "text"] if label_first else ["text", "label"])
    writer.writerows((label, text) if label_first else (text, label) for text, label in rows)
    assert pairs(file.getvalue()) == [(text.strip(), label) for text, label in rows]


@given(st.lists(st.text(st.sampled_from('ab ."'), min_size=1, max_size=9).filter(str.strip), max_size=9))
def test_tsv_with_free_quotation_marks_is_read_as_it_stands(texts):
    content = FREE + "".join(f"{text}\tg\n" for text in texts if '""' not in text)
    assert pairs(content)[2:] == [(text.strip(), "g") for text in texts if '""' not in text]


def test_first_row_that_tells_decides_however_late_it_comes():
    plain = "text\tlabel\n" + "fine\tg\n" * 3000
    quoted = '"a ""word""\nand more"\tb\n"so ""it"" is"\tg\n'
    assert pairs(plain + quoted)[3000:] == [('a "word"\nand more', "b"), ('so "it" is', "g")]
    free = '"a word" of yours\tb\n"so ""it"" is"\tg\n'
    assert pairs(plain + free)[3000:] == [('"a word" of yours', "b"), ('"so ""it"" is"', "g")]


def test_row_over_several_lines_among_free_marks_is_refused_whole():
    content = FREE + '"one\ntwo"\tg\nfine\tb\nx\tg\n'
    (refusal, *rows) = rows_of(content)[2:]
    assert (refusal.line, refusal.reason, refusal.row) == (4, "quoted field over several lines", '"one\ntwo"\tg')
    assert [row.text for row in rows] == ["fine", "x"]


def test_row_over_several_lines_is_never_read_in_half_where_its_text_is_last():
    (row,) = rows_of('label\ttext\ng\t"one\ntwo"\n')
    assert row == Row("one\ntwo", "g")


def test_open_quotation_mark_takes_no_row_along():
    content = 'text\tlabel\n"open\tg\nfine\tb\nhe said "no"\tg\n'
    assert pairs(content) == [('"open', "g"), ("fine", "b"), ('he said "no"', "g")]


def test_column_in_marks_in_every_row_is_quoted():
    assert pairs('text\tlabel\n"Be yourself."\tg\n"So it is."\tb\n') == [("Be yourself.", "g"), ("So it is.", "b")]
    assert pairs('text\tlabel\n"Be yourself."\tg\nSo it is.\tb\n') == [('"Be yourself."', "g"), ("So it is.", "b")]


def test_quoting_that_is_set_is_not_questioned():
    content = 'text\tlabel\n"a ""b"" c"\tx\n"d"\ty\n'
    assert pairs(content, quoting="csv") == [('a "b" c', "x"), ("d", "y")]
    assert pairs(content, quoting="none") == [('"a ""b"" c"', "x"), ('"d"', "y")]
    assert pairs('text,label\n"a,x\n', "csv", quoting="none") == [('"a', "x")]


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
@pytest.mark.parametrize("format", ["csv", "tsv"])
def test_delimiter_is_the_one_under_which_the_header_names_the_columns(delimiter, format):
    content = delimiter.join(["id", "text", "label"]) + "\n" + delimiter.join(["1", "Fine: so, it is"[:4], "x"]) + "\n"
    assert pairs(content, format) == [("Fine", "x")]


def test_text_may_hold_the_usual_delimiter_where_another_one_parts_the_fields():
    assert pairs('text;label\nfine, really;x\n"one; two";y\n', "csv") == [("fine, really", "x"), ("one; two", "y")]


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_first_line_for_excel_names_the_delimiter_and_counts_as_a_line(line, line_end):
    content = "\ufeff" + line_end.join([line, "text;label", "fine;x", "short", ""])
    row, refusal = rows_of(content, "csv")
    assert (row, refusal.line) == (Row("fine", "x"), 4)


def test_delimiter_that_is_set_is_taken():
    assert pairs("text:label\nfine:x\n", "csv", delimiter=":") == [("fine", "x")]
    assert config_of(delimiter=r"\t").delimiter == config_of(delimiter="\t").delimiter == "\t"
    with pytest.raises(ValidationError, match="is no delimiter: expected one character"):
        config_of(delimiter="||")


def test_missing_column_of_another_delimiter_names_the_columns_apart():
    with pytest.raises(DataError, match=r"there is no column 'text'\. Columns: review, stars\. Is the header"):
        rows_of("review;stars\nfine;5\n", "csv")
    with pytest.raises(DataError, match=r"What stands between the fields can be set as data\.delimiter"):
        rows_of("review:stars\nfine:5\n", "csv")


def test_file_without_a_header_has_its_columns_named():
    content = '"3","A title","Some words, here"\n"1","Another","More words"\n'
    assert pairs(content, "csv", columns=["label", "title", "text"]) == [("Some words, here", "3"), ("More words", "1")]
    texts = text_source(path="rows", format="csv", columns=["a", "b", "text"])
    assert next(parse(io.BytesIO(content.encode()), "rows", texts)).text == "Some words, here"


def test_delimiter_of_a_file_without_a_header_is_the_one_that_gives_as_many_columns():
    assert pairs("x;fine, really\ny;good\n", "csv", columns=["label", "text"]) == [("fine, really", "x"), ("good", "y")]


def test_values_to_mark_may_stand_in_a_file_without_a_header():
    config = tagged_words(path="rows", format="spans_tsv", columns=["text", "value"])
    (row,) = parse(io.BytesIO(b"to London\tLondon\n"), "rows", config, TagsConfig())
    assert row.tags == ("O", "B-VALUE")


def test_names_of_columns_that_the_first_line_has_too_are_an_error():
    with pytest.raises(DataError, match=r"rows\.csv:1: the first line names the columns.*leave data\.columns out"):
        rows_of("text\tlabel\nfine\tx\n", columns=["text", "label"])


def test_column_that_the_list_lacks_is_named():
    with pytest.raises(DataError, match=r"data\.columns is \['text', 'lable'\], and lacks 'label'"):
        rows_of("fine\tx\n", columns=["text", "lable"])


def test_message_for_a_file_without_a_header_offers_what_reads_it():
    content = "ham\tOk then\nspam\tWin a prize now\nham\tSee you later\n"
    with pytest.raises(DataError) as error:
        check_header(io.BytesIO(content.encode()), "SMS", config_of())
    message = str(error.value)
    assert message.startswith("SMS:1: there is no column 'text', and the first line looks like a row.")
    assert message.endswith("data.columns: [label, text]")
    assert pairs(content, columns=["label", "text"])[0] == ("Ok then", "ham")


@pytest.mark.parametrize("header", ["review,stars", "Review text,Class"])
def test_names_of_columns_are_not_taken_for_a_row(header):
    with pytest.raises(DataError, match="there is no column 'text'. Columns: ") as error:
        rows_of(f"{header}\nfine,x\ngood,y\n", "csv")
    assert "data.columns" not in str(error.value)


@pytest.mark.parametrize("field", [{"delimiter": ";"}, {"quoting": "none"}, {"columns": ["text", "label"]}])
def test_dialect_is_no_matter_of_json_lines(field):
    with pytest.raises(ValidationError, match=f"{next(iter(field))} is set, and format jsonl has no use for it"):
        config_of("jsonl", **field)


def test_columns_have_different_names():
    with pytest.raises(ValidationError, match="expected different names"):
        config_of(columns=["text", "text"])


def dialect(content, **fields):
    config = config_of(**fields)
    return dialect_of_lines(io.BytesIO(content.encode()), "rows", config, needed_columns(config))


def test_quoted_tsv_is_not_cut_into_ranges_however_late_it_shows():
    plain = "text\tlabel\n" + "fine\tg\n" * 3000
    assert dialect(plain).quoting.value == "none"
    assert dialect(plain + '"a ""b"" c"\tx\n') is None
    assert dialect(FREE + '"a\nb"\tx\n') is None
    assert dialect(FREE + "fine\tx\n").quoting.value == "none"


@given(
    st.lists(st.text(st.sampled_from('ab "\t\n'), max_size=6), max_size=12).map("".join),
    st.lists(st.integers(1, 60), max_size=3),
    st.sampled_from(["", "sep=|\n"]),
)
def test_ranges_of_a_file_that_may_be_cut_give_what_the_whole_file_gives(body, cuts, first):
    delimiter = "|" if first else "\t"
    content = (first + f"text{delimiter}label\n" + body.replace("\t", delimiter)).encode()
    config = config_of(max_row_bytes=25)
    found = dialect_of_lines(io.BytesIO(content), "rows", config, needed_columns(config))
    if found is None:
        return
    config, stream = in_dialect(config, found), io.BytesIO(content)
    start = len(content) - len(body)
    bounds = [0, *sorted(align(stream, start + cut) for cut in cuts if cut <= len(body)), len(content)]
    rows = []
    for low, high in pairwise(bounds):
        before = b"".join(lines_before_range(stream, config)) if low else b""
        rows += parse(io.BytesIO(before + range_stream(stream, low, high).read()), "rows", config)
    assert list(map(shape, rows)) == list(map(shape, parse(io.BytesIO(content), "rows", config)))


def shape(record):
    return record.reason if isinstance(record, Refusal) else record
