import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.transforms.records.record import Refusal, Row
from ulmfit_tfx.transforms.records.tagged_jsonl import parse, read_label_map


def rows_of(content: str | bytes, label_map=None, scheme="plain", tag_separator=None, **config):
    config = tagged_words(**({"path": "rows", "format": "jsonl"} | config))
    stream = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    tagging = TaggingConfig(scheme=scheme, tag_separator=tag_separator)
    return list(parse(stream, "rows.jsonl", config, tagging, label_map))


visible = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Z", "Cf"]), min_size=1)


@given(st.lists(st.lists(st.tuples(visible, visible), min_size=1), max_size=5))
def test_reads_what_was_written(sentences):
    content = "\n".join(json.dumps(sentence) for sentence in sentences)
    assert rows_of(content) == [
        Row(
            " ".join(word for word, _ in sentence),
            words=tuple(w for w, _ in sentence),
            tags=tuple(t for _, t in sentence),
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
