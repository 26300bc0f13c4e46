"""What goes in comes out: in its order, with its columns, good and refused."""

import csv
import io
import json

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config.sources.asked_texts import asked_texts
from ulmfit_tfx.schemas.errors import ConfigError, DataError
from ulmfit_tfx.transforms.answered_rows.answered import AnsweredRow, flat
from ulmfit_tfx.transforms.answered_rows.asked import AskedRow
from ulmfit_tfx.transforms.answered_rows.files import rows_file
from ulmfit_tfx.transforms.answered_rows.layout import Layout, columns_and_kinds
from ulmfit_tfx.transforms.records.formats import parse

ANSWERS = {"label": "text", "score": "number"}
SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")

texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12) | st.sampled_from(
    ['"', '""', 'a "b", c', "a\nb", "a\r\nb", "a\rb", "a\tb", "'", "\\n", ",", " a ", "\u2028", "NULL"]
)


def written(folder, suffix, rows, layout):
    """Rows that were written, read by somebody else's reader."""
    path = folder / f"rows{suffix}"
    with rows_file(path, layout) as file:
        for start in range(0, len(rows), 2):
            file.write(rows[start : start + 2])
    if suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    with path.open(encoding="utf-8", newline="") as stream:
        if suffix == ".jsonl":
            return [json.loads(line) for line in stream.read().split("\n")[:-1]]
        return list(csv.DictReader(stream, dialect="excel" if suffix == ".csv" else "excel-tab"))


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(deadline=None, max_examples=40)
@given(cells=st.lists(st.tuples(texts, texts, st.booleans()), max_size=7))
def test_any_text_comes_back_from_any_format(tmp_path_factory, suffix, cells):
    rows = []
    for line, (one, two, good) in enumerate(cells, start=2):
        asked_row = AskedRow("f", line, {"id": one, "note": two}, one if good else None, None if good else "empty text")
        rows.append(AnsweredRow(asked_row, {"label": two, "score": line / 7} if good else None))
    layout = Layout(columns_and_kinds(row.asked for row in rows) or {"id": "text", "note": "text"}, ANSWERS, "id")
    found = written(tmp_path_factory.mktemp("rows"), suffix, rows, layout)
    assert [(row["id"], row["note"]) for row in found] == [(one, two) for one, two, _ in cells]
    assert [int(row["line"]) for row in found] == list(range(2, len(cells) + 2))
    nothing = "" if suffix in (".csv", ".tsv") else None
    for row, (_, two, good) in zip(found, cells, strict=True):
        assert row["label"] == (two if good else nothing)
        assert row["error"] == (nothing if good else "empty text")
        assert (float(row["score"]) == int(row["line"]) / 7) if good else (row["score"] == nothing)
    if found:
        assert list(found[0]) == ["id", "line", "note", "label", "score", "error"]


def asked(content, **fields):
    config = asked_texts(path="f", **fields)
    return [AskedRow.of(record, "f", config) for record in parse(io.BytesIO(content), "f", config, keep_all=True)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)


@settings(deadline=None, max_examples=40)
@given(
    values=st.lists(st.dictionaries(st.sampled_from(["a", "b", "text", "line"]), json_values, max_size=4), max_size=6)
)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_json_values_stay_what_they_are(tmp_path_factory, suffix, values):
    rows = asked("".join(json.dumps(each) + "\n" for each in values).encode(), format="jsonl")
    layout = Layout(columns_and_kinds(rows), {})
    found = written(tmp_path_factory.mktemp("rows"), suffix, [AnsweredRow(row, None) for row in rows], layout)
    assert len(found) == len(values)
    if suffix != ".jsonl":
        return
    for row, value, asked_row in zip(found, values, rows, strict=True):
        expected = value if asked_row.text is None else value | {"text": asked_row.text}
        assert {name: row[name] for name in layout.columns} == {name: expected.get(name) for name in layout.columns}


good = st.text("ab 12\"',é", min_size=1).filter(str.strip)
csv_rows = st.lists(st.tuples(st.sampled_from(["good", "empty", "short", "undecodable", "NUL"]), good), max_size=12)


@settings(deadline=None, max_examples=40)
@given(rows=csv_rows)
def test_rows_of_csv_in_any_order_keep_their_ids(rows):
    lines = [b"id,text,note\n"]
    for number, (kind, text) in enumerate(rows):
        cell = '"' + text.replace('"', '""') + '"'
        lines.append(
            {
                "good": f"{number},{cell},n\n".encode(),
                "empty": f"{number},  ,n\n".encode(),
                "short": f"{number},{cell}\n".encode(),
                "undecodable": f"{number},caf".encode() + b"\xe9,n\n",
                "NUL": f"{number},a\0b,n\n".encode(),
            }[kind]
        )
    found = asked(b"".join(lines), format="csv", id_column="id")
    assert [row.line for row in found] == list(range(2, len(rows) + 2))
    reasons = {"empty": "empty text", "short": "wrong number of columns", "undecodable": "not utf-8"}
    for number, (row, (kind, text)) in enumerate(zip(found, rows, strict=True)):
        assert row.text == (text.strip() if kind == "good" else None)
        assert (row.error or "").startswith(reasons.get(kind, "malformed CSV" if kind == "NUL" else ""))
        if kind in ("good", "empty"):
            assert (row.columns["id"], row.columns["note"]) == (str(number), "n")


json_lines = st.sampled_from(
    [
        ('{"id": ID, "text": "fine", "more": [1, {"a": null}]}', "fine", None),
        ('{"id": ID, "text": ""}', None, "empty text"),
        ('{"id": ID, "text": null}', None, "empty text"),
        ('{"id": ID, "txt": "fine"}', None, "missing field"),
        ('{"id": ID, "text": "a\\u0000b"}', None, "NUL character"),
        ('{"id": ID, "text": "fine", "more": "\\ud800"}', None, "not Unicode"),
        ('{"id": ID, "text": "\\ud800"}', None, "not Unicode"),
        ('{"id": ID, "text": ["a"]}', None, "not a text"),
    ]
)


@settings(deadline=None, max_examples=40)
@given(rows=st.lists(json_lines, max_size=10))
def test_rows_of_json_lines_in_any_order_keep_their_ids(rows):
    content = "".join(row[0].replace("ID", str(number)) + "\n" for number, row in enumerate(rows))
    found = asked(content.encode(), format="jsonl", id_column="id")
    assert [row.columns["id"] for row in found] == list(range(len(rows)))
    assert [row.text for row in found] == [text for _, text, _ in rows]
    assert [row.error and row.error.partition(":")[0] for row in found] == [reason for *_, reason in rows]
    layout = Layout(columns_and_kinds(found), {})
    for row in found:
        json.dumps(flat(AnsweredRow(row, None), layout), ensure_ascii=False).encode()


@settings(deadline=None, max_examples=40)
@given(
    lines=st.lists(st.sampled_from(["", "  ", "\t", "good", " a b "]), max_size=12),
    ends=st.sampled_from(["\n", "\r\n"]),
)
def test_each_line_of_a_text_has_its_row(lines, ends):
    found = asked("".join(line + ends for line in lines).encode(), format="text")
    assert [row.line for row in found] == list(range(1, len(lines) + 1))
    assert [row.text for row in found] == [line.strip() or None for line in lines]
    assert [row.error for row in found] == [None if line.strip() else "blank line" for line in lines]


def test_two_texts_are_asked_as_one_and_stay_two():
    [pair, none, separator] = asked(
        b"text,other\none,two\none,\none [SEP],two\n", format="csv", second_text_column="other"
    )
    assert pair.text == "one [SEP] two"
    assert dict(pair.columns) == {"text": "one", "other": "two"}
    assert (none.text, none.error) == ("one", None)
    assert separator.text is None


def test_columns_of_the_same_name_are_told_apart():
    [row] = asked(b"text,,,text (2)\nfine,1,2,3\n", format="csv")
    assert dict(row.columns) == {"text": "fine", "": "1", " (2)": "2", "text (2)": "3"}


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (["text"], {"line": "line", "label": "label", "score": "score", "error": "error"}),
        (["label", "line"], {"line": "source_line", "label": "predicted_label", "score": "score", "error": "error"}),
        (["error", "predicted_x"], {"line": "line", "label": "label", "score": "score", "error": "prediction_error"}),
    ],
)
def test_what_is_added_gives_way_to_columns_of_the_input(columns, names):
    assert Layout(dict.fromkeys(columns, "text"), ANSWERS).names == names


def test_columns_that_leave_no_name_free_are_named():
    with pytest.raises(DataError, match="'label' and 'predicted_label'"):
        _ = Layout({"label": "text", "predicted_label": "text"}, ANSWERS).names


def test_numbers_of_json_are_numbers_in_parquet(tmp_path):
    rows = asked(
        b'{"text": "a", "n": 1, "x": 1, "b": true}\n{"text": "b", "n": 2, "x": 0.5, "b": null}\n', format="jsonl"
    )
    layout = Layout(columns_and_kinds(rows), {})
    assert dict(layout.columns) == {"text": "text", "n": "integer", "x": "number", "b": "truth"}
    found = written(tmp_path, ".parquet", [AnsweredRow(row, None) for row in rows], layout)
    assert [(row["n"], row["x"], row["b"]) for row in found] == [(1, 1.0, True), (2, 0.5, None)]


def test_file_that_is_not_finished_leaves_the_earlier_one(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("earlier")
    with pytest.raises(RuntimeError), rows_file(path, Layout({}, {})):
        raise RuntimeError
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("rows.csv", "earlier")]


def test_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigError, match="rows.csv: cannot be written"),
        rows_file(tmp_path / "file" / "rows.csv", Layout({}, {})),
    ):
        pass
