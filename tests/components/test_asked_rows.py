"""Rows that a model is asked about: where they stand, and what is kept of them on the way through ingestion."""

import json

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.components.corpus_ingest.asked_rows import read_asked
from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.shard_ingestion import counted_lines, lines_before
from ulmfit_tfx.components.corpus_ingest.shard_reading import ReadCounts, read_shard
from ulmfit_tfx.components.corpus_ingest.shards import shards_of
from ulmfit_tfx.components.row_encoding import Origin, serialized_examples
from ulmfit_tfx.schemas.config.sources.asked_texts import asked_texts
from ulmfit_tfx.transforms.records.record import Refusal, Row

LINES = {
    "text": st.sampled_from(["", "good", "  ", "a longer line of text"]),
    "tsv": st.sampled_from(["1\tgood", "2\t", "3", "4\ta longer line of text"]),
    "jsonl": st.sampled_from(
        ['{"id": 1, "text": "good"}', '{"id": 2}', "no JSON", '{"id": 4, "text": "a longer text"}']
    ),
}

FIRST = {"tsv": ["id\ttext"], "jsonl": ['{"text": "first"}']}


@pytest.mark.parametrize("format", LINES)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_row_of_a_part_has_the_line_of_its_file(tmp_path_factory, format, data):
    lines = data.draw(st.lists(LINES[format], min_size=1, max_size=12))
    path = tmp_path_factory.mktemp("rows") / "rows"
    path.write_text("".join(f"{line}\n" for line in FIRST.get(format, []) + lines))
    source = asked_texts(path=str(path), format=format)
    ingestion = Ingestion(source, asked=True)
    shards = shards_of({str(path): None}, source, shard_bytes=data.draw(st.integers(8, 40)))
    before = lines_before([counted_lines(shard, source) for shard in shards if shard.is_range_of_lines])
    rows = [
        row for shard in shards for row in read_shard(shard, ingestion, None, before.get(shard.number, 0), ReadCounts())
    ]
    whole = list(read_asked(source))
    assert [row.line for row in rows] == [row.line for row in whole]
    assert [getattr(row, "text", None) for row in rows] == [row.text for row in whole]
    columns = [row.columns for row in rows if row.columns is not None]
    assert columns == [row.columns for row in whole if format != "text" and row.columns]


def test_rows_of_several_files_come_in_the_order_of_their_names(tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.txt").write_text(f"{name} 1\n\n{name} 2\n")
    rows = list(read_asked(asked_texts(path=str(tmp_path / "*.txt"), format="text")))
    assert [(row.file[-5:], row.line, row.text) for row in rows] == [
        *(("a.txt", 1, "a 1"), ("a.txt", 2, None), ("a.txt", 3, "a 2")),
        *(("b.txt", 1, "b 1"), ("b.txt", 2, None), ("b.txt", 3, "b 2")),
    ]


def test_text_is_kept_as_it_is_asked(tmp_path):
    (tmp_path / "rows.csv").write_text("id,text\n1,  One. Two three. \n")
    source = asked_texts(path=str(tmp_path / "rows.csv"), format="csv", corpus_cleanup={"sentences": "en"})
    [shard] = shards_of({source.path: None}, source)
    rows = list(read_shard(shard, Ingestion(source, asked=True), None, 0, ReadCounts()))
    assert [(row.line, dict(row.columns)) for row in rows] == [
        *((2, {"id": "1", "text": "One."}), (2, {"id": "1", "text": "Two three."}))
    ]


def test_ingestion_for_a_training_keeps_no_columns_and_no_blank_lines(tmp_path):
    (tmp_path / "rows.txt").write_text("one\n\ntwo\n")
    source = asked_texts(path=str(tmp_path / "rows.txt"), format="text")
    [shard] = shards_of({source.path: None}, source)
    assert list(read_shard(shard, Ingestion(source), None, 0, ReadCounts())) == [Row("one"), Row("two")]


def test_ingestion_comes_back_from_json():
    source = asked_texts(path="a.csv", format="csv", second_text_column="other", id_column="id")
    for ingestion in (Ingestion(source, None, "|", asked=True), Ingestion(source)):
        assert Ingestion.from_json(ingestion.to_json()) == ingestion


def test_examples_have_the_place_and_the_columns_of_their_rows():
    rows = [
        Row("a", line=7, columns={"id": 1}, slices=(("lang", "pl"),)),
        Row("é", line=9, columns={"id": "\ud7ff"}, slices=(("lang", "en"),)),
    ]
    for number, serialized in enumerate(
        serialized_examples(rows, ["all", "all"], [Origin("b.csv", 3), Origin("c.csv", 4)])
    ):
        features = tf.train.Example.FromString(serialized).features.feature
        assert features["source_file"].bytes_list.value[0] == [b"b.csv", b"c.csv"][number]
        assert list(features["source_line"].int64_list.value) == [rows[number].line, 3 + number]
        assert json.loads(features["source_columns"].bytes_list.value[0]) == rows[number].columns
    [plain] = serialized_examples(rows[:1], ["all"])
    assert "source_file" not in tf.train.Example.FromString(plain).features.feature


def test_refusals_keep_their_columns_in_the_quarantine():
    refusal = Refusal("a.csv", 3, "empty text", "column 'text'", "7\t", {"id": "7", "text": ""})
    assert Refusal(**json.loads(refusal.to_json())).columns == refusal.columns
    assert "columns" not in json.loads(Refusal("a.csv", 3, "empty text", "", "").to_json())
