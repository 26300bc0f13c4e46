"""Rows that come in any order are written in that of the input."""

import random
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.components.prediction_writer import blocks
from ulmfit_tfx.components.prediction_writer.blocks import Columns, WriteBlock, block_of, file_places
from ulmfit_tfx.components.prediction_writer.placed_row import PlacedRow
from ulmfit_tfx.components.reports.written_rows import Written, read_rows
from ulmfit_tfx.schemas.config.sources.asked_texts import asked_texts
from ulmfit_tfx.transforms.answered_rows.asked import AskedRow

SOURCE = asked_texts(path="*.jsonl", format="jsonl", id_column="id")
ANSWERS = {"label": "text"}


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_BLOCK_LINES", 3)
        yield


def placed(file, line, number, identity, is_good):
    columns = {"id": identity, f"of {file}": line / 2}
    asked = AskedRow(file, line, columns, "a text" if is_good else None, None if is_good else "blank line")
    return PlacedRow(file, line, number, asked, {"label": f"label {identity}"} if is_good else None)


rows_of_a_file = st.lists(st.tuples(st.integers(1, 2), st.booleans()), max_size=9)


@settings(deadline=None, max_examples=60)
@given(files=st.lists(rows_of_a_file, min_size=1, max_size=3), seed=st.integers(0, 99))
def test_rows_are_in_order_whatever_order_they_come_in(tmp_path_factory, files, seed):
    rows = []
    for file, of_file in enumerate(files):
        line = number = 0
        for step, is_good in of_file:
            line, number = line + step, number + 1
            rows.append(placed(f"{file}.jsonl", line, number, len(rows), is_good))
            if is_good and step == 2:  # a text of two sentences
                rows.append(placed(f"{file}.jsonl", line, number + 1, len(rows), is_good))
                number += 1
    shuffled = random.Random(seed).sample(rows, len(rows))
    combine = Columns()
    parts = [combine.create_accumulator() for _ in range(3)]
    for index, row in enumerate(shuffled):
        parts[index % 3] = combine.add_input(parts[index % 3], row)
    summary = combine.extract_output(combine.merge_accumulators(parts))
    places = file_places({f"{file}.jsonl": len(of_file) for file, of_file in enumerate(files)})
    grouped = defaultdict(list)
    for row in shuffled:
        grouped[block_of(row, places)].append(row)
    folder = tmp_path_factory.mktemp("rows")
    for block in grouped.items():
        WriteBlock(str(folder), SOURCE, ANSWERS, places).process(block, summary)
    layout = Written(**summary).layout(ANSWERS, SOURCE)
    found = list(read_rows(folder, layout))
    assert [row.asked.columns["id"] for row in found] == list(range(len(rows)))
    assert [row.asked.line for row in found] == [row.line for row in rows]
    assert [row.answer for row in found] == [row.answer for row in rows]
    assert [row.asked.error for row in found] == [row.asked.error for row in rows]
    for of_block in grouped.values():
        of_files = {row.file for row in of_block}
        records = sum(len(files[int(file.removesuffix(".jsonl"))]) for file in of_files)
        assert records <= 3 or (len(of_files) == 1 and len({row.line // 3 for row in of_block}) == 1)
    used = [f"{file}.jsonl" for file, of_file in enumerate(files) if of_file]
    assert summary["files"] == used
    assert list(summary["columns"]) == (["id", *(f"of {file}" for file in used)] if used else [])


@pytest.mark.parametrize(("records", "blocks"), [(0, 1), (1, 1000), (2, 3000)])
def test_small_files_share_a_block_as_long_as_it_has_room(records, blocks):
    places = file_places({f"{number}.jsonl": records for number in range(3000)})
    assert len({place.group for place in places.values()}) == blocks
    assert [place.number for place in places.values()] == list(range(3000))


def test_files_are_written_in_the_order_of_the_input_and_not_of_their_names(tmp_path):
    rows = [placed("b.jsonl", 1, 0, 0, True), placed("a.jsonl", 1, 0, 1, True), placed("a.jsonl", 2, 0, 2, False)]
    places = file_places({"b.jsonl": 1, "a.jsonl": 2})
    assert {block_of(row, places) for row in rows} == {(0, 0)}
    combine = Columns()
    summary = combine.create_accumulator()
    for row in rows:
        summary = combine.add_input(summary, row)
    summary = combine.extract_output(summary)
    WriteBlock(str(tmp_path), SOURCE, ANSWERS, places).process(((0, 0), reversed(rows)), summary)
    found = list(read_rows(tmp_path, Written(**summary).layout(ANSWERS, SOURCE)))
    assert [row.asked.columns["id"] for row in found] == [0, 1, 2]
