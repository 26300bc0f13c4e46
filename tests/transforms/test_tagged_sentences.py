import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.labels import composed
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.formats import check_header
from ulmfit_tfx.transforms.records.record import Refusal, Row
from ulmfit_tfx.transforms.records.tagged_sentences import parse, read_label_map


def rows_of(content: str | bytes, label_map=None, scheme="plain", tag_separator=None, **config):
    config = tagged_words(**({"path": "rows", "format": "jsonl"} | config))
    stream = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    tagging = TaggingConfig(scheme=scheme, tag_separator=tag_separator)
    return list(parse(stream, "rows.jsonl", config, tagging, label_map))


visible = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Z", "Cf"], blacklist_characters="_"), min_size=1)


@given(st.lists(st.lists(st.tuples(visible, visible), min_size=1), max_size=5))
def test_reads_what_was_written(sentences):
    content = "\n".join(json.dumps(sentence) for sentence in sentences)
    assert rows_of(content) == [
        Row(
            " ".join(word for word, _ in sentence),
            words=tuple(w for w, _ in sentence),
            tags=tuple(composed(t) for _, t in sentence),
        )
        for sentence in sentences
    ]


def test_tags_go_by_the_names_of_the_label_map():
    (row, refusal) = rows_of('[["in", 0], ["New York", "1"]]\n[["a", 7]]\n', {"0": "O", "1": "B-LOC"}, "bio")
    assert (row.text, row.words, row.tags) == ("in New York", ("in", "New York"), ("O", "B-LOC"))
    assert str(refusal) == "rows.jsonl:2: tag not in label_map: 7, expected one of 0, 1"


def test_lists_of_tags_are_joined_and_an_empty_one_is_none():
    (row,) = rows_of('[["a", []], ["b", [1, "1", 0]], ["c", "x"]]', {"0": "x", "1": "y", "x": "x"}, tag_separator="|")
    assert row.tags == ("", "y|x", "x")


def test_list_of_one_tag_is_a_tag_and_of_others_needs_a_separator():
    (row, refusal) = rows_of('[["a", ["x"]]]\n[["b", ["x", "y"]]]\n')
    assert row.tags == ("x",)
    assert refusal.reason == "not one tag a word"
    assert "set tagging.tag_separator" in refusal.detail


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('[["a", "x"]', "malformed JSON"),
        ("[" * 100_000, "malformed JSON"),
        (f"[{'9' * 5000}]", "malformed JSON"),
        ('{"a": "x"}', "not a list of pairs"),
        ('[["a", "x", "y"]]', "not a list of pairs"),
        ('[[1, "x"]]', "not a list of pairs"),
        ('["ab"]', "not a list of pairs"),
        ('[["a", null]]', "not a tag"),
        ('[["a", [["x"]]]]', "not a tag"),
        ('[["a", true]]', "not a tag"),
        ("[]", "no words"),
        ('[["", "x"]]', "empty word"),
        ('[["a", " "]]', "empty tag"),
        ('[["\\ud800", "x"]]', "not Unicode"),
        ('[["a", "\\udfff"]]', "not Unicode"),
        (b'[["caf\xe9", "x"]]', "not utf-8"),
        ('[["%s", "x"]]' % ("a" * 200_000), "row too long"),
    ],
)
def test_bad_line_is_refused_and_the_next_is_read(line, reason):
    line = line if isinstance(line, bytes) else line.encode()
    (refusal, row) = rows_of(b"\n" + line + b'\n[["a", "x"]]', max_row_bytes=150_000)
    assert isinstance(refusal, Refusal)
    assert (refusal.line, refusal.reason) == (2, reason)
    assert row.words == ("a",)


def test_label_map_is_read_from_json():
    assert read_label_map(b'{"0": "O"}', "map.json") == {"0": "O"}


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"0": 1}', b'{"0": ""}', b"\xff", b"[" * 100_000])
def test_file_that_holds_no_label_map_is_an_error(content):
    with pytest.raises(DataError, match=r"map\.json: "):
        read_label_map(content, "map.json")


def check(row, **config):
    content = row if isinstance(row, str) else json.dumps(row)
    check_header(io.BytesIO(content.encode()), "rows.jsonl", tagged_words(path="rows", format="jsonl", **config))


LONDON = Row("to London .", words=("to", "London", "."), tags=("O", "B-LOC", "O"))


@pytest.mark.parametrize(
    "row",
    [
        {"id": 1, "text": "to London.", "label": [[3, 9, "LOC"]], "Comments": []},
        {"id": 1, "text": "to London.", "labels": [[3, 9, "LOC"]]},
        {
            "text": "to London.",
            "entities": [{"id": 4, "label": "LOC", "start_offset": 3, "end_offset": 9}],
            "relations": [],
        },
        {"text": "to London.", "annotations": [{"label": "LOC", "start_offset": 3, "end_offset": 9}]},
        {"text": "to London.", "entities": [[3, 9, "LOC"]], "intent": "travel"},
        {"text": "to London.", "spans": [{"start": 3, "end": 9, "label": "LOC", "token_start": 1}]},
        {
            "text": "to London.",
            "tokens": [{"text": "to", "start": 0}],
            "spans": [{"start": 3, "end": 9, "label": "LOC"}],
        },
        {"text": "to London.", "spans": [{"start": 3, "end": 9, "label": "LOC"}], "answer": "accept"},
        ["to London.", {"entities": [[3, 9, "LOC"]]}],
        {"tokens": ["to", "London", "."], "ner_tags": ["O", "B-LOC", "O"], "langs": ["en", "en", "en"]},
        {"words": ["to", "London", "."], "labels": ["O", "B-LOC", "O"]},
        {"text": "to London.", "tokens": ["to", "London", "."], "tags": ["O", "B-LOC", "O"]},
    ],
)
def test_layouts_of_other_tools_are_read(row):
    check(row)
    assert rows_of(json.dumps(row), scheme="bio") == [LONDON]


@pytest.mark.parametrize("row", [{"text": "a b", "label": []}, {"text": "a b", "entities": None}])
def test_text_whose_marks_are_none_is_outside_of_any(row):
    assert rows_of(json.dumps(row), scheme="bio")[0].tags == ("O", "O")


def test_text_that_was_not_accepted_is_dropped():
    rejected = {"text": "a", "spans": [], "answer": "reject"}
    assert rows_of(json.dumps(rejected) + '\n[["a", "x"]]')[0] == Drop("answer is not accept")


@pytest.mark.parametrize(
    "row",
    [{"tokens": ["to", "London", "."], "ner_tags": [0, 1, 0]}, [["to", 0], ["London", 1], [".", 0]]],
    ids=["lists", "pairs"],
)
def test_numbers_without_names_are_refused_and_the_hint_leads_to_the_tags(row):
    (refusal,) = rows_of(json.dumps(row), scheme="bio")
    assert refusal.reason == "tags without names"
    assert "data.tag_names: [O, B-PER, I-PER]" in refusal.detail
    check(row, tag_names=["O", "B-LOC"])
    assert rows_of(json.dumps(row), scheme="bio", tag_names=["O", "B-LOC"]) == [LONDON]
    (refusal,) = rows_of(json.dumps(row), scheme="bio", tag_names=["B-LOC"])
    assert refusal.reason == "tag not in tag_names"


def test_file_whose_numbers_have_no_names_is_an_error_before_it_is_read():
    with pytest.raises(DataError, match="data.tag_names"):
        check({"tokens": ["a"], "ner_tags": [0]})


def test_several_lists_of_tags_are_asked_about_and_the_hint_leads_to_one():
    row = {"tokens": ["to", "London", "."], "pos_tags": ["TO", "NNP", "."], "ner_tags": ["O", "B-LOC", "O"]}
    with pytest.raises(DataError, match="pos_tags or ner_tags. Set data.tags_field to one of them"):
        check(row)
    check(row, tags_field="ner_tags")
    assert rows_of(json.dumps(row), scheme="bio", tags_field="ner_tags") == [LONDON]
    assert rows_of(json.dumps(row), tags_field="pos_tags")[0].tags == ("TO", "NNP", ".")


def test_several_lists_of_marks_are_asked_about():
    row = {"text": "to London.", "label": [], "entities": [[3, 9, "LOC"]]}
    with pytest.raises(DataError, match="label or entities. Set data.spans_field to one of them"):
        check(row)
    assert rows_of(json.dumps(row), scheme="bio", spans_field="entities") == [LONDON]


def test_fields_of_other_names_are_read_where_these_are_given():
    row = {"sentence": "to London.", "ents": [[3, 9, "LOC"]]}
    with pytest.raises(DataError, match="data.text_column and data.spans_field"):
        check(row)
    assert rows_of(json.dumps(row), scheme="bio", text_column="sentence", spans_field="ents") == [LONDON]
    row = {"sent": ["to", "London", "."], "gold": ["O", "B-LOC", "O"]}
    assert rows_of(json.dumps(row), scheme="bio", words_field="sent", tags_field="gold") == [LONDON]


@pytest.mark.parametrize(
    "row",
    [{"text": "fine", "label": "good"}, {"text": "fine", "label": ["good"]}, {"text": "fine"}, {"a": 1}, '"text"', 5],
)
def test_row_without_tags_is_an_error_that_shows_what_is_read(row):
    with pytest.raises(DataError, match='"ner_tags": .*"label": '):
        check(row)


def test_one_row_of_a_known_shape_is_enough_and_the_others_are_refused():
    check('{"a": 1}\n[["a", "x"]]')
    assert [type(row) for row in rows_of('{"a": 1}\n[["a", "x"]]')] == [Refusal, Row]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"tokens": ["a", "b"], "ner_tags": ["O"]}, "not as many tags as words"),
        ({"tokens": ["a"], "ner_tags": ["x"]}, "not a bio tag"),
        ({"tokens": [], "ner_tags": []}, "no words"),
        ({"text": "a", "label": [[0, 2, "x"]]}, "mark outside the text"),
        ({"text": "a", "label": [[0, 1, ""]]}, "mark without labels"),
        ({"text": "a", "label": [[0, 1]]}, "not a mark"),
        ({"text": "a", "label": [["a", "O"]]}, "not a mark"),
        ({"text": "a b", "label": [[0, 3, "x"], [2, 3, "y"]]}, "marks overlap"),
        ({"text": " ", "label": []}, "empty text"),
    ],
)
def test_row_that_contradicts_itself_is_refused(row, reason):
    assert [refusal.reason for refusal in rows_of(json.dumps(row), scheme="bio")] == [reason]


@settings(deadline=None)  # the first text builds the graph that cuts it into words
@given(st.lists(st.tuples(visible, st.booleans()), min_size=1, max_size=6))
def test_marks_at_the_places_of_words_give_these_their_tags(words):
    text = " ".join(word for word, _ in words)
    starts = [sum(len(word) + 1 for word, _ in words[:number]) for number in range(len(words))]
    marks = [
        [start, start + len(word), "x"] for start, (word, is_marked) in zip(starts, words, strict=True) if is_marked
    ]
    line = json.dumps({"text": text, "label": marks})
    config = tagged_words(path="rows", format="jsonl")
    (row,) = parse(io.BytesIO(line.encode()), "rows.jsonl", config, TaggingConfig(words="whitespace"))
    if row.words == tuple(word for word, _ in words):  # a word may hold what serving takes for white space
        assert row.tags == tuple("B-x" if is_marked else "O" for _, is_marked in words)


@pytest.mark.parametrize(
    "fields",
    [
        {"tag_names": ["O", "O"]},
        {"tag_names": []},
        {"tag_names": ["O"], "label_map": "a"},
        {"spans_field": "a", "words_field": "b"},
    ],
)
def test_fields_that_contradict_one_another_are_refused(fields):
    with pytest.raises(ValueError, match="tag_names|spans_field"):
        tagged_words(path="rows", format="jsonl", **fields)
