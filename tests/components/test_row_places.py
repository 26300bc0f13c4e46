"""Where rows come from: of each format, of parts of files and of files that share a shard, beside the examples."""

import csv
import doctest
import io
import json
import zipfile
from collections import Counter

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sources import labelled_texts
from tfx.types import standard_artifacts

from ulmfit_tfx.components import row_places
from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.placement import Placed, Placement
from ulmfit_tfx.components.corpus_ingest.shard_ingestion import counted_lines, lines_before
from ulmfit_tfx.components.corpus_ingest.shard_reading import ReadCounts
from ulmfit_tfx.components.corpus_ingest.shards import shards_of
from ulmfit_tfx.components.corpus_ingest.source_files import check_source
from ulmfit_tfx.components.evaluation_report import content
from ulmfit_tfx.components.prediction_writer import blocks
from ulmfit_tfx.components.record_files import PartsWriter, prepare, publish
from ulmfit_tfx.components.row_places import (
    RowPlace,
    RowPlaces,
    places_folder,
    read_files,
    read_places,
    records_before,
    serialized_places,
    write_shards,
)
from ulmfit_tfx.schemas.config.sources.texts import text_source


def places_of(source, **options):
    """Text and place of each row of a source, as shards give them, and how many shards there are."""
    shards = shards_of(check_source(source), source, **options)
    ranges = [shard for shard in shards if shard.is_range_of_lines]
    lines = lines_before([counted_lines(shard, source) for shard in ranges])
    found, records = [], []
    for shard in shards:
        counts = ReadCounts()
        placement = Placement(Ingestion(source), None, 1)
        placed = placement.rows_of(shard, lines.get(shard.number, 0), None, counts)
        found.append([each for each in placed if isinstance(each, Placed)])
        records.append((shard.number, counts.by_file()))
    before = records_before(records)
    return [
        (each.row.text, each.place._replace(record=each.place.record + before[shard.number]))
        for shard, rows in zip(shards, found, strict=True)
        for each in rows
    ], len(shards)


LINES = {
    "text": {"good": "row", "a longer line of text": "row", "": None, "  ": None},
    "tsv": {"good\tx": "row", "a longer line of text\ty": "row", "\tx": "refused", "no label": "refused", "": None},
    "jsonl": {'{"text": "good", "label": "x"}': "row", '{"text": "good"}': "refused", "no JSON": "refused", "": None},
}
"""Lines of each format, and what they are: None for no record."""


@pytest.mark.parametrize("format", LINES)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_row_of_a_part_of_a_file_has_the_line_and_the_record_of_its_file(tmp_path_factory, format, data):
    kinds = LINES[format]
    lines = [next(iter(kinds)), *data.draw(st.lists(st.sampled_from(list(kinds)), max_size=14))]
    header = ["text\tlabel"] if format == "tsv" else []
    path = tmp_path_factory.mktemp("rows") / f"rows.{format}"
    path.write_text("".join(f"{line}\n" for line in header + lines))
    source = (text_source if format == "text" else labelled_texts)(path=str(path), format=format)
    record, expected = 0, []
    for number, line in enumerate(lines, start=1 + len(header)):
        record += kinds[line] is not None
        if kinds[line] == "row":
            expected.append(RowPlace(str(path), number, record))
    cut, shards = places_of(source, shard_bytes=data.draw(st.integers(8, 60)))
    assert [place for _, place in cut] == expected
    assert [place for _, place in places_of(source)[0]] == expected
    assert shards > 1 or len(path.read_bytes()) < 120


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(["plain", "two\nlines", "three\n\nlines, and a comma", 'a "mark"', ""]), min_size=1))
def test_record_of_csv_over_several_lines_has_the_line_that_it_begins_on_and_its_number(tmp_path_factory, texts):
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["text", "label"])
    expected = []
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    for record, text in enumerate(texts, start=1):
        if text:  # an empty one is refused
            expected.append((text, RowPlace(str(path), 1 + stream.getvalue().count("\n"), record)))
        writer.writerow([text, "x"])
    path.write_text(stream.getvalue())
    assert places_of(labelled_texts(path=str(path), format="csv"))[0] == expected


def test_row_of_a_parquet_file_and_of_a_workbook_has_its_row_there(tmp_path):
    rows = [{"text": text, "label": "x"} for text in ("one", "", "two")]
    path = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    found, _ = places_of(labelled_texts(path=str(path), format="parquet"))
    assert found == [("one", RowPlace(str(path), 1, 1)), ("two", RowPlace(str(path), 3, 3))]


def test_row_of_a_workbook_has_its_row_there_and_its_number_below_the_header(tmp_path):
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl, of the extra xlsx, is not installed")
    workbook = openpyxl.Workbook()
    for row in ([], ["text", "label"], ["one", "x"], [], ["two", "x"]):
        workbook.active.append(row)
    path = tmp_path / "rows.xlsx"
    workbook.save(path)
    found, _ = places_of(labelled_texts(path=str(path), format="xlsx"))
    assert found == [("one", RowPlace(str(path), 3, 1)), ("two", RowPlace(str(path), 5, 2))]


def test_files_of_one_shard_and_members_of_an_archive_count_their_own_records(tmp_path):
    with zipfile.ZipFile(tmp_path / "rows.zip", "w") as archive:
        for name in ("a.tsv", "b.tsv"):
            archive.writestr(name, f"text\tlabel\n{name} 1\tx\n\n{name} 2\tx\n")
    path = str(tmp_path / "rows.zip")
    found, shards = places_of(labelled_texts(path=path, format="tsv"))
    assert shards == 1
    assert found == [
        (f"{name} {record}", RowPlace(f"{path}!/{name}", line, record))
        for name in ("a.tsv", "b.tsv")
        for record, line in ((1, 2), (2, 4))
    ]


def test_rows_that_clean_up_makes_of_one_text_have_its_place(tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_text("text\tlabel\nOne. Two three.\tx\nFour.\tx\n")
    source = text_source(path=str(path), format="tsv", corpus_cleanup={"sentences": "en"})
    assert [(text, place.line, place.record) for text, place in places_of(source)[0]] == [
        ("One.", 2, 1),
        ("Two three.", 2, 1),
        ("Four.", 3, 2),
    ]


files = st.sampled_from(["a.csv", "é\n!.csv"])
places = st.lists(st.builds(RowPlace, files, st.integers(1, 2**40), st.integers(1, 9)))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(places, st.dictionaries(files, st.integers(0, 2**40))), max_size=4))
def test_places_come_back_in_the_order_of_shards_with_the_records_before(tmp_path_factory, shards):
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path_factory.mktemp("examples"))
    folder = places_folder(examples.uri)
    prepare(folder)
    parts = []
    for shard, (of_shard, _) in reversed(list(enumerate(shards))):
        writer = PartsWriter(folder, "eval", shard)
        for start in range(0, len(of_shard), 2):
            writer.write(serialized_places(of_shard[start : start + 2], shard))
        parts += writer.close()
    publish(parts, folder, ["train", "eval"])
    records = {shard: files for shard, (_, files) in enumerate(shards)}
    write_shards(examples.uri, records)
    before = records_before(records.items())
    assert list(read_places(examples, "eval")) == [
        place._replace(record=place.record + before[shard])
        for shard, (of_shard, _) in enumerate(shards)
        for place in of_shard
    ]
    assert len(read_places(examples, "train")) == 0
    totals = Counter()
    for of_shard in records.values():
        totals.update(of_shard)
    assert read_files(examples.uri) == totals


def test_one_file_is_named_once_for_rows_that_follow_one_another():
    rows = [RowPlace("a.csv", line, line - 1) for line in range(2, 1002)] + [RowPlace("b.csv", 2, 1)]
    first, second = map(json.loads, serialized_places(rows, 7))
    assert (first["file"], len(first["at"]), second) == ("a.csv", 1000, {"shard": 7, "file": "b.csv", "at": [[2, 1]]})


def test_places_are_a_sequence():
    held = RowPlaces()
    given_places = [RowPlace(f"{number % 2}.csv", number + 1, number) for number in range(5)]
    for place in given_places:
        held.append(place)
    assert (list(held), held[-1], held[1:3]) == (given_places, given_places[-1], given_places[1:3])


@pytest.mark.parametrize("module", [row_places, blocks, content])
def test_examples_in_docstrings_hold(module):
    result = doctest.testmod(module)
    assert (result.attempted > 0, result.failed) == (True, 0)
