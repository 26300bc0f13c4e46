import io
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.transforms.records import label_studio, offset_marks
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
