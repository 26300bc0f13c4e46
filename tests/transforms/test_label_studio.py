import csv
import io
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.transforms.records import formats, label_studio, offset_marks
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.formats import check_header
from ulmfit_tfx.transforms.records.record import Refusal


def rows_of(content, scheme="bio", tag_separator=None, **config):
    config = tagged_words(**({"path": "rows", "format": "label_studio"} | config))
    if not isinstance(content, bytes):
        content = json.dumps(content).encode()
    tagging = TaggingConfig(scheme=scheme, tag_separator=tag_separator)
    return list(label_studio.parse(io.BytesIO(content), "rows.json", config, tagging))


def mark(start, end, *labels, **more):
    return {"start": start, "end": end, "labels": list(labels)} | more


def test_marks_give_their_words_tags():
    item = {"id": 1, "text": "Łódź, New York.", "label": [mark(6, 14, "LOC", text="New York"), mark(0, 4, "LOC")]}
    (row,) = rows_of([item])
    assert row.words == ("Łódź", ",", "New", "York", ".")
    assert row.tags == ("B-LOC", "O", "B-LOC", "I-LOC", "O")


def test_text_without_marks_has_none_and_its_key_is_configured():
    rows = rows_of([{"review": "a b"}, {"review": "c", "label": []}], text_column="review")
    assert [row.tags for row in rows] == [("O", "O"), ("O",)]


def test_marks_of_all_controls_that_are_named_are_read():
    item = {"text": "Anna in London", "who": [mark(0, 4, "PER")], "where": [mark(8, 14, "LOC")], "annotator": 1}
    [row] = rows_of([item], label_controls=["who", "where"])
    assert row.tags == ("B-PER", "O", "B-LOC")


@pytest.mark.parametrize("controls", [["label"], ["who"]])
def test_marks_under_another_key_are_an_error_that_says_what_to_set(controls):
    item = {"text": "Anna in London", "who": [mark(0, 4, "PER")], "where": [mark(8, 14, "LOC")]}
    while True:
        try:
            [row] = rows_of([{"text": "none"}, item], label_controls=controls)[1:]
        except DataError as error:
            controls = re.findall(r"\[([^]]*)\]", str(error))[-1].split(", ")
        else:
            break
    assert row.tags == ("B-PER", "O", "B-LOC")


@pytest.mark.parametrize(("start", "end"), [(0, 1), (1, 2), (2, 4), (0, 4)])
def test_word_that_is_marked_in_part_belongs_to_the_mark(start, end):
    assert rows_of([{"text": "cats run", "label": [mark(start, end, "x")]}])[0].tags == ("B-x", "O")


@given(st.text("a😀 ", min_size=1), st.data())
def test_offsets_in_code_points_and_in_utf16_mean_the_same_where_the_mark_has_its_text(text, data):
    text = f"{text}word"
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    if not text[start:end].strip():
        return
    units = [len(text[:place].encode("utf-16-le")) // 2 for place in (start, end)]
    by_points, by_units = (
        offset_marks.place_of(*offsets, mark(*offsets, text=text[start:end]), text) for offsets in ((start, end), units)
    )
    assert text[slice(*by_points)] == text[slice(*by_units)] == text[start:end]


def test_offset_after_an_emoji_is_found_as_browsers_count():
    text = "😀😀 in Rome"
    assert rows_of([{"text": text, "label": [mark(8, 12, "x", text="Rome")]}])[0].tags[-1] == "B-x"
    assert rows_of([{"text": text, "label": [mark(6, 10, "x", text="Rome")]}])[0].tags[-1] == "B-x"


def test_marks_that_overlap_are_several_tags_or_refused():
    item = {"text": "a b c", "label": [mark(0, 3, "x"), mark(2, 5, "y")]}
    assert rows_of([item], "plain", "|")[0].tags == ("x", "x|y", "y")
    (refusal,) = rows_of([item])
    assert refusal.reason == "marks overlap"
    assert "'x' on 'a b' and 'y' on 'b c'" in refusal.detail


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (5, "not an object"),
        ({"label": []}, "no text"),
        ({"text": 5}, "no text"),
        ({"text": " "}, "empty text"),
        ({"text": "\ud800"}, "not Unicode"),
        ({"text": "a", "label": 5}, "not a mark"),
        ({"text": "a", "label": [5]}, "not a mark"),
        ({"text": "a", "label": [mark(0, True, "x")]}, "not a mark"),
        ({"text": "a", "label": [mark(0, 1)]}, "mark without labels"),
        ({"text": "a", "label": [{"start": 0, "end": 1}]}, "mark without labels"),
        ({"text": "a", "label": [mark(0, 2, "x")]}, "mark outside the text"),
        ({"text": "a", "label": [mark(-1, 1, "x")]}, "mark outside the text"),
        ({"text": "a", "label": [mark(1, 0, "x")]}, "mark outside the text"),
        ({"text": "a b", "label": [mark(0, 1, "x", text="b")]}, "mark of another text"),
        ({"text": "a b", "label": [mark(1, 2, "x")]}, "mark without a word"),
        ({"text": "a b", "label": [mark(0, 1, "x", "y")]}, "marks overlap"),
        ({"text": "a" * 101}, "row too long"),
    ],
)
def test_bad_item_is_refused_with_its_line_and_the_next_is_read(item, reason):
    content = "[\n" + ",\n".join([json.dumps({"text": "first"}), json.dumps(item), '{"text": "last"}']) + "]"
    (_, refusal, row) = rows_of(content.encode(), max_row_bytes=100)
    assert isinstance(refusal, Refusal)
    assert (refusal.line, refusal.reason) == (3, reason)
    assert refusal.detail.startswith("item 2: ")
    assert row.words == ("last",)


@settings(deadline=None)  # the first text builds the graph that cuts it into words
@given(st.lists(st.text("ab", min_size=1), max_size=4), st.sampled_from([None, 1, "\t"]))
def test_list_is_read_however_it_is_laid_out(texts, indent):
    content = json.dumps([{"text": text} for text in texts], indent=indent).encode()
    assert [row.text for row in rows_of(b"\xef\xbb\xbf \n" + content + b"\n")] == texts


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "rows.json:1: malformed JSON: the file ends within the list"),
        (b'{"text": "a"}', "rows.json:1: malformed JSON: '{' in place of ["),
        (b'[{"text": "a"}\n', "rows.json:2: malformed JSON: the file ends within the list"),
        (b'[\n{"text": "a"} {"text": "b"}]', "rows.json:2: malformed JSON: '{' in place of , or ]"),
        (b'[\n\n{"text": }]', "rows.json:3: malformed JSON: Expecting value"),
        (b"[" * 100_000, "rows.json:1: malformed JSON: "),
        (b'[{"text": "a"},]', "malformed JSON: Expecting value"),
        (b'[{"text": "a"}]\n [', "rows.json:2: malformed JSON: '[' after the list"),
        (b"[]x", "rows.json:1: malformed JSON: 'x' after the list"),
    ],
)
def test_file_that_is_no_list_is_an_error_with_its_line(content, message):
    with pytest.raises(DataError) as error:
        rows_of(content)
    assert message in str(error.value)


def test_undecodable_text_costs_its_item_only():
    (refusal, row) = rows_of(b'[{"text": "caf\xe9"}, {"text": "fine"}]')
    assert (refusal.reason, row.text) == ("not Unicode", "fine")


def test_file_over_the_limit_is_an_error(monkeypatch):
    monkeypatch.setattr(label_studio, "MAX_FILE_CHARACTERS", 20)
    with pytest.raises(DataError, match=r"rows\.json: has more than 20 characters"):
        rows_of([{"text": "a" * 30}])


LONDON = [mark(3, 9, "LOC", text="London")]


def result(value, control="label"):
    return {"from_name": control, "to_name": "text", "type": "labels", "id": "x", "value": value}


def task(*annotations, text="to London.", **more):
    return {"id": 1, "data": {"text": text}, "annotations": list(annotations), "predictions": []} | more


def annotation(*marks, control="label", **more):
    return {"id": 5, "was_cancelled": False, "result": [result(each, control) for each in marks]} | more


@pytest.mark.parametrize(
    "item",
    [
        task(annotation(*LONDON)),
        {"data": {"text": "to London."}, "completions": [annotation(*LONDON)]},
        task({"result": [{"from_name": "kind", "type": "choices", "value": {"choices": ["x"]}}, result(LONDON[0])]}),
        task({"result": [{"type": "relation", "from_id": "a", "to_id": "b"}, result(LONDON[0])]}),
        task(annotation(was_cancelled=True), annotation(*LONDON)),
        task(annotation(), annotation(*LONDON, ground_truth=True)),
        task(annotation(created_at="2024-02-01T00:00:00Z"), annotation(*LONDON, created_at="2024-01-01T00:00:00Z")),
        task(annotation(*LONDON), annotation()),
    ],
)
def test_full_export_gives_the_marks_of_the_annotation_that_counts(item):
    assert rows_of([item])[0].tags == ("O", "B-LOC", "O")


def test_text_that_was_submitted_without_marks_has_none_and_one_that_was_not_is_dropped():
    records = rows_of([task(annotation()), task(), task(annotation(*LONDON, was_cancelled=True))])
    assert records[0].tags == ("O", "O", "O")
    assert records[1:] == [Drop("not annotated")] * 2


def test_full_export_whose_control_has_another_name_is_an_error_and_the_hint_leads_to_the_marks():
    items = [task(annotation(*LONDON, control="ner"))]
    with pytest.raises(DataError, match=r"there are marks in 'ner'.*Set it to \[ner\]"):
        rows_of(items)
    assert rows_of(items, label_controls=["ner"])[0].tags == ("O", "B-LOC", "O")


def test_full_export_without_the_text_names_the_keys_that_there_are():
    (refusal,) = rows_of([{"data": {"review": "a", "n": 1}, "annotations": [annotation()]}])
    assert (refusal.reason, refusal.detail) == ("no text", "item 1: key 'text'. Keys: review, n")


def test_second_annotation_of_a_text_is_dropped_where_each_has_an_item():
    item = {"id": 1, "text": "to London.", "label": LONDON, "annotation_id": 1}
    records = rows_of([item, item | {"annotation_id": 2, "label": []}, item | {"id": 2, "annotation_id": 3}])
    assert records[1] == Drop("another annotation of the same text")
    assert records[0] == records[2]


def table(rows, header=("annotation_id", "annotator", "id", "label", "text"), delimiter=","):
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows([header, *rows])
    return file.getvalue()


def table_rows(content, **config):
    config = tagged_words(**({"path": "rows", "format": "label_studio_csv"} | config))
    check_header(io.BytesIO(content.encode()), "rows.csv", config)
    return list(formats.parse(io.BytesIO(content.encode()), "rows.csv", config, TaggingConfig()))


def test_marks_in_cells_of_a_table_are_read():
    rows = [(1, 7, 1, json.dumps(LONDON), "to London."), (2, 7, 2, "", "Fine"), (3, 7, 3, "[]", "Good")]
    assert [row.tags for row in table_rows(table(rows))] == [("O", "B-LOC", "O"), ("O",), ("O",)]


def test_second_annotation_of_a_text_of_a_table_is_dropped():
    rows = [(1, 7, 1, json.dumps(LONDON), "to London."), (2, 8, 1, "", "to London.")]
    assert table_rows(table(rows))[1] == Drop("another annotation of the same text")


def test_table_whose_marks_are_in_a_column_that_is_not_named_is_an_error():
    header = ("id", "ner", "label", "text")
    content = table([(1, json.dumps(LONDON), "", "to London.")], header)
    with pytest.raises(DataError, match="a column has marks"):
        table_rows(content)
    assert table_rows(content, label_controls=["ner"])[0].tags == ("O", "B-LOC", "O")


@pytest.mark.parametrize(
    ("cell", "reason"), [("London", "not a mark"), ("[5]", "not a mark"), ('[{"start": 0', "not a mark")]
)
def test_cell_that_holds_no_marks_is_refused(cell, reason):
    (refusal,) = table_rows(table([(1, 7, 1, cell, "to London.")]))
    assert refusal.reason == reason


@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_format_of_values_is_told_of_label_studios_marks_and_the_hint_leads_to_them(kind):
    marks = json.dumps(LONDON)
    content = (
        table([(1, marks, "to London.")], ("id", "ner", "text"))
        if kind == "csv"
        else (f"id\tner\ttext\n1\t{marks}\tto London.\n")
    )
    with pytest.raises(DataError) as error:
        table_rows(content, format=f"spans_{kind}", spans_column="ner")
    format_name = re.search(r"data.format to (\w+),", str(error.value))[1]
    controls = re.search(r"data.label_controls to \[(\w+)\]", str(error.value))[1]
    assert table_rows(content, format=format_name, label_controls=[controls])[0].tags == ("O", "B-LOC", "O")
