"""Parquet, Excel, JSON and JSON Lines give the same rows, whatever the layout."""

import datetime
import decimal
import io
import json
import zipfile

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sources import labelled_texts

from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records import parquet, workbooks
from ulmfit_tfx.transforms.records.formats import check_header, parse
from ulmfit_tfx.transforms.records.record import Refusal, Row

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=9)


def parquet_of(rows, schema=None, **options) -> bytes:
    table = pyarrow.Table.from_pylist(rows, schema)
    stream = io.BytesIO()
    pyarrow.parquet.write_table(table, stream, **options)
    return stream.getvalue()


def xlsx_of(*rows, sheets=None) -> bytes:
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl, of the extra xlsx, is not installed")
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for title, cells in (sheets or {"Sheet1": rows}).items():
        sheet = workbook.create_sheet(title)
        for row in cells:
            sheet.append(row)
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


def rows_of(content: bytes, format: str, **config):
    source = labelled_texts(path="rows", format=format, **config)
    stream = io.BufferedReader(io.BytesIO(content))
    check_header(stream, f"rows.{format}", source)
    return list(parse(io.BufferedReader(io.BytesIO(content)), f"rows.{format}", source))


@settings(deadline=None)
@given(
    st.lists(st.fixed_dictionaries({"text": TEXTS, "label": TEXTS | st.none(), "split": st.just("dev")}), min_size=1)
)
def test_same_rows_come_of_all_formats_of_objects(rows):
    contents = {
        "jsonl": "".join(json.dumps(row) + "\n" for row in rows).encode(),
        "json": json.dumps(rows, indent=1).encode(),
        "parquet": parquet_of(rows),
    }
    expected, *others = (
        [
            (each.reason, each.detail) if isinstance(each, Refusal) else each
            for each in rows_of(content, name, split_column="split")
        ]
        for name, content in contents.items()
    )
    assert len(expected) == len(rows)
    assert others == [expected, expected]


def test_columns_of_parquet_are_read_as_what_they_hold():
    schema = pyarrow.schema(
        {
            "text": pyarrow.large_string(),
            "short": pyarrow.float32(),
            "long": pyarrow.float64(),
            "whole": pyarrow.int64(),
            "exact": pyarrow.decimal128(5, 2),
            "day": pyarrow.date32(),
            "yes": pyarrow.bool_(),
            "kind": pyarrow.dictionary(pyarrow.int8(), pyarrow.string()),
            "bytes": pyarrow.binary(),
        }
    )
    row = {"text": " Fine. ", "short": 0.1, "long": 0.1, "whole": 3, "exact": decimal.Decimal("1.50")}
    row |= {"day": datetime.date(2024, 1, 31), "yes": True, "kind": "a", "bytes": "é".encode()}
    empty = dict.fromkeys(schema.names) | {"text": "b", "long": float("nan")}
    columns = tuple(schema.names[1:])
    first, second = rows_of(parquet_of([row, empty], schema), "parquet", label_column="text", slice_columns=columns)
    assert [value for _, value in first.slices] == ["0.1", "0.1", "3", "1.50", "2024-01-31", "true", "a", "é"]
    assert [value for _, value in second.slices] == [""] * 8


def test_list_column_is_several_labels_and_struct_column_has_fields():
    rows = [{"data": {"text": "Fine."}, "topics": ["a", "b"]}, {"data": {"text": "So so."}, "topics": []}]
    found = rows_of(parquet_of(rows), "parquet", text_column="data.text", label_column="topics", label_separator=";")
    assert found == [Row("Fine.", labels=("a", "b")), Row("So so.", labels=())]


def test_times_that_python_has_none_of_are_texts_and_maps_are_objects():
    schema = pyarrow.schema(
        {
            "text": pyarrow.string(),
            "label": pyarrow.string(),
            "when": pyarrow.timestamp("us"),
            "map": pyarrow.map_(pyarrow.string(), pyarrow.float64()),
        }
    )
    never = 253402300800000000  # the year 10000
    table = pyarrow.table(
        [["a"], ["x"], pyarrow.array([never], pyarrow.int64()).cast(pyarrow.timestamp("us")), [[("good", 0.5)]]], schema
    )
    content = io.BytesIO()
    pyarrow.parquet.write_table(table, content)
    [found] = parquet.read_rows(content, "rows", None)
    assert dict(dict(found.fields)["map"]) == {"good": "0.5"}
    assert json.loads(found.row)["map"] == {"good": 0.5}
    assert json.loads(found.row)["when"].startswith("10000-01-01")


def test_numbers_weights_and_second_texts_come_of_parquet():
    content = parquet_of([{"text": "a", "other": "b", "stars": 4, "weight": 0.5}])
    fields = {"target_columns": ["stars"], "second_text_column": "other", "weight_column": "weight"}
    assert rows_of(content, "parquet", **fields) == [Row("a [SEP] b", targets=(4.0,), weight=0.5)]


def test_refused_row_of_parquet_has_its_number_and_what_was_read_of_it():
    rows = [{"text": f"row {number}", "label": "a", "other": 1} for number in range(1200)]
    rows[700]["label"] = None
    found = rows_of(parquet_of(rows, row_group_size=500), "parquet")
    (refusal,) = [each for each in found if isinstance(each, Refusal)]
    assert refusal == Refusal(
        "rows.parquet", 701, "empty label", "column 'label'", '{"text": "row 700", "label": null}'
    )
    assert [row.text for row in found if isinstance(row, Row)] == [row["text"] for row in rows if row["label"]]


def test_column_that_parquet_lacks_is_named_with_those_that_it_has():
    with pytest.raises(DataError, match=r"rows\.parquet:1: there is no field 'text'\. Fields: label, txt, a\.b"):
        rows_of(parquet_of([{"label": "a", "txt": "b", "a": {"b": 1}}]), "parquet")


@pytest.mark.parametrize("cut", [10, 100, -5])
def test_damaged_parquet_is_an_error(cut):
    with pytest.raises(DataError, match=r"rows\.parquet: cannot be read as Parquet: "):
        rows_of(parquet_of([{"text": "a", "label": "b"}] * 99)[:cut], "parquet")


def test_dots_in_a_name_go_before_a_field_inside():
    content = json.dumps({"data.text": "outside", "data": {"text": "inside", "label": 1}}).encode()
    assert rows_of(content, "jsonl", text_column="data.text", label_column="data.label") == [Row("outside", "1")]


def test_nested_field_that_is_missing_is_answered_with_those_that_there_are():
    content = b'{"data": {"text": "a"}, "meta": {"label": "b"}}\n'
    with pytest.raises(
        DataError, match=r"no field 'text'\. Fields: data\.text, meta\.label\. Did you mean 'data\.text'"
    ):
        rows_of(content, "jsonl", label_column="meta.label")


@pytest.mark.parametrize("indent", [None, 2])
def test_list_of_objects_is_named_where_lines_are_expected_and_the_hint_reads_it(indent):
    content = json.dumps([{"text": "a" * 99, "label": "b"}] * 3, indent=indent).encode()
    with pytest.raises(DataError, match=r"rows\.jsonl: is one JSON list, .* Set format to json\."):
        rows_of(content, "jsonl", max_row_bytes=200)
    assert rows_of(content, "json", max_row_bytes=200) == [Row("a" * 99, "b")] * 3


def test_objects_over_several_lines_are_named_and_the_hint_reads_them():
    content = b'{\n "text": "a",\n "label": "b"\n}\n{\n "text": "c",\n "label": "d"\n}\n'
    with pytest.raises(DataError, match=r"is one JSON text of many lines, .* Set format to json\."):
        rows_of(content, "jsonl")
    assert rows_of(content, "json") == [Row("a", "b"), Row("c", "d")]


def test_refused_item_of_a_list_has_its_line_and_the_others_are_read():
    found = rows_of(b'[\n{"text": "a", "label": "b"},\n5,\n{"text": tru},\n{"text": "c", "label": "d"}]', "json")
    assert [(each.line, each.reason) if isinstance(each, Refusal) else each for each in found] == [
        Row("a", "b"),
        (3, "not an object"),
        (4, "malformed JSON"),
        Row("c", "d"),
    ]


# Excel


def test_rows_of_a_sheet_are_read_as_what_their_cells_hold():
    day = datetime.datetime(2024, 1, 31)
    content = xlsx_of(
        [None, None],
        ["text", "label", None, "n", "when"],
        ["Fine.", 5, "left out", 0.5, day],
        [],
        ["So so.", True],
        ["Bad.", "#N/A"],
    )
    found = rows_of(content, "xlsx", slice_columns=["n", "when"])
    assert found[0] == Row("Fine.", "5", slices=(("n", "0.5"), ("when", "2024-01-31T00:00:00")))
    assert found[1] == Row("So so.", "true", slices=(("n", ""), ("when", "")))
    assert (found[2].line, found[2].reason) == (6, "empty label")


def test_sheet_is_the_first_one_or_the_one_that_is_named():
    sheets = {name: [["text", "label"], [name, "a"]] for name in ("first", "second")}
    content = xlsx_of(sheets=sheets)
    assert rows_of(content, "xlsx") == [Row("first", "a")]
    assert rows_of(content, "xlsx", sheet="second") == [Row("second", "a")]
    with pytest.raises(DataError, match=r"rows\.xlsx: there is no sheet 'third'\. Sheets: first, second\."):
        rows_of(content, "xlsx", sheet="third")


def test_sheet_of_another_format_is_refused():
    with pytest.raises(ValueError, match="sheet is set, and format csv has no use for it"):
        text_source(path="rows", format="csv", sheet="first")


def test_workbook_that_unpacks_to_too_much_or_is_none_is_an_error(monkeypatch):
    content = xlsx_of(["text", "label"], ["a", "b"])
    monkeypatch.setattr(workbooks, "LARGEST", 1000)
    with pytest.raises(DataError, match="unpacks to"):
        rows_of(content, "xlsx")
    monkeypatch.undo()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
    for damaged in (content[:100], stream.getvalue()):
        with pytest.raises(DataError, match=r"rows\.xlsx: cannot be read as an Excel workbook: "):
            rows_of(damaged, "xlsx")


def test_missing_openpyxl_is_answered_with_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(DataError, match=r"needs the Python package openpyxl\. .*`pip install ulmfit-tfx\[xlsx\]`"):
        rows_of(b"", "xlsx")
